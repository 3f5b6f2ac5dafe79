#pragma once
#include "Containers/Array.h"

template <typename T>
class TConstArrayView
{
public:
	TConstArrayView() = default;
	TConstArrayView(const T* From, int32 HowMany) : Data(From), Count(HowMany) { check(HowMany >= 0); }
	TConstArrayView(const TArray<T>& From) : Data(From.GetData()), Count(From.Num()) {}
	/** A view of what ends with the statement: Unreal does not forbid it, and a payload is often made on the spot. */
	TConstArrayView(TArray<T>&& From) : Data(From.GetData()), Count(From.Num()) {}

	const T* GetData() const { return Data; }
	int32 Num() const { return Count; }
	const T& operator[](int32 Index) const
	{
		check(Index >= 0 && Index < Count);
		return Data[Index];
	}
	TConstArrayView Slice(int32 From, int32 HowMany) const
	{
		check(From >= 0 && HowMany >= 0 && From <= Count && HowMany <= Count - From);
		return TConstArrayView(Data + From, HowMany);
	}
	TConstArrayView RightChop(int32 From) const { return Slice(From, Count - From); }
	const T* begin() const { return Data; }
	const T* end() const { return Data + Count; }

private:
	const T* Data = nullptr;
	int32 Count = 0;
};
