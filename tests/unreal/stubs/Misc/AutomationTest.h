#pragma once
#include "Containers/UnrealString.h"
#include "Delegates/Delegate.h"
#include "Misc/EngineVersionComparison.h"
#include <functional>
#include <vector>

#define WITH_AUTOMATION_TESTS 1

#if UE_VERSION_OLDER_THAN(5, 5, 0)
namespace EAutomationTestFlags
{
	enum Type
	{
		ApplicationContextMask = 0xff,
		ProductFilter = 0x4000000
	};
}
#else
enum class EAutomationTestFlags : uint32
{
	ProductFilter = 0x4000000
};
constexpr uint32 EAutomationTestFlags_ApplicationContextMask = 0xff;
constexpr uint32 operator|(uint32 A, EAutomationTestFlags B) { return A | static_cast<uint32>(B); }
#endif

typedef TDelegate<void()> FDoneDelegate;

/** Describes itself by Define; StubRunAll runs every one there is. */
class FAutomationSpecBase
{
public:
	explicit FAutomationSpecBase(const char* InName);
	virtual ~FAutomationSpecBase() = default;
	virtual void Define() = 0;

	void Describe(const FString& What, const std::function<void()>& Inside);
	void It(const FString& What, const std::function<void()>& Run);
	void LatentIt(const FString& What, const std::function<void(const FDoneDelegate&)>& Run);
	void BeforeEach(const std::function<void()>& Run);
	void AfterEach(const std::function<void()>& Run);
	bool TestTrue(const FString& What, bool bValue);
	bool TestFalse(const FString& What, bool bValue) { return TestTrue(What, !bValue); }
	void AddExpectedError(const FString& Pattern);

	/** How many of all specs ran; ends the program at the first that fails. */
	static int32 StubRunAll();

private:
	struct FCase
	{
		FString What;
		std::function<void(const FDoneDelegate&)> Run;
		std::vector<std::function<void()>> Before, After;
	};
	const char* Name;
	std::vector<FCase> Cases;
	std::vector<std::function<void()>> Before, After;
};

#define BEGIN_DEFINE_SPEC(Class, PrettyName, Flags) \
	static_assert(static_cast<uint32>(Flags) != 0, "flags"); \
	class Class : public FAutomationSpecBase \
	{ \
	public: \
		Class() : FAutomationSpecBase(PrettyName) {} \
		virtual void Define() override;
#define END_DEFINE_SPEC(Class) \
	} \
	; \
	static Class Stub##Class;
