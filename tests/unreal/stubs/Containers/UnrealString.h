#pragma once
#include "CoreTypes.h"
#include "Containers/Array.h"
#include <string>
#include <type_traits>

/** One argument of Printf. Text must be TCHAR: a narrow string does not compile, nor does an FString without its star. */
struct FStubArgument
{
	template <typename T, std::enable_if_t<std::is_integral<T>::value && std::is_signed<T>::value, int> = 0>
	FStubArgument(T Value) : Kind('d'), Signed(Value) {}
	template <typename T, std::enable_if_t<std::is_integral<T>::value && std::is_unsigned<T>::value, int> = 0>
	FStubArgument(T Value) : Kind('u'), Unsigned(Value) {}
	FStubArgument(double Value) : Kind('f'), Real(Value) {}
	FStubArgument(const TCHAR* Value) : Kind('s'), Text(Value) {}

	char Kind;
	int64 Signed = 0;
	uint64 Unsigned = 0;
	double Real = 0;
	const TCHAR* Text = nullptr;
};

class FString
{
public:
	FString() = default;
	FString(const TCHAR* From) : Text(From == nullptr ? std::basic_string<TCHAR>() : std::basic_string<TCHAR>(From)) {}

	const TCHAR* operator*() const { return Text.c_str(); }
	int32 Len() const { return static_cast<int32>(Text.size()); }
	bool IsEmpty() const { return Text.empty(); }
	bool Contains(const FString& What) const { return Text.find(What.Text) != std::basic_string<TCHAR>::npos; }
	void AppendChars(const TCHAR* From, int32 Count) { Text.append(From, static_cast<size_t>(Count)); }
	FString& operator+=(const FString& Other)
	{
		Text += Other.Text;
		return *this;
	}
	friend FString operator+(const FString& A, const FString& B)
	{
		FString Out = A;
		return Out += B;
	}
	friend bool operator==(const FString& A, const FString& B) { return A.Text == B.Text; }
	friend bool operator!=(const FString& A, const FString& B) { return A.Text != B.Text; }
	friend bool operator<(const FString& A, const FString& B) { return A.Text < B.Text; }

	template <typename... Arguments>
	static FString Printf(const TCHAR* Format, Arguments... Values)
	{
		// One more than there are: an array of none is none.
		const FStubArgument All[] = {FStubArgument(Values)..., FStubArgument(0)};
		return Format_(Format, All, sizeof...(Values));
	}

private:
	/** Ends the program when the format and what it is given do not fit. */
	static FString Format_(const TCHAR* Format, const FStubArgument* Values, size_t Count);

	std::basic_string<TCHAR> Text;
};
