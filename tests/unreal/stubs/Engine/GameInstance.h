#pragma once
#include "Containers/Array.h"
#include "UObject/Object.h"

class UGameInstanceSubsystem;
class UWorld;

/** With the subsystems of every class that the generated code has registered. */
class UGameInstance : public UObject
{
public:
	typedef UGameInstance ThisClass;
	~UGameInstance() override;
	static UClass* StaticClass();
	UClass* GetClass() const override { return StaticClass(); }
	void StubReferences(TArray<UObject*>& Out) override;

	void InitializeStandalone();
	void Shutdown();
	UWorld* GetWorld() const { return nullptr; }
	bool IsDedicatedServerInstance() const { return bStubDedicated; }
	template <typename T>
	T* GetSubsystem() const
	{
		for (UGameInstanceSubsystem* const Subsystem : StubSubsystems)
		{
			if (reinterpret_cast<UObject*>(Subsystem)->GetClass() == T::StaticClass())
			{
				return static_cast<T*>(Subsystem);
			}
		}
		return nullptr;
	}

	bool bStubDedicated = false;
	TArray<UGameInstanceSubsystem*> StubSubsystems;
};

struct FStubSubsystemClass
{
	explicit FStubSubsystemClass(UGameInstanceSubsystem* (*Make)(UObject* Outer));
};
