#pragma once
#include "CoreTypes.h"
#include <algorithm>
#include <utility>
#include <vector>

/** Never of bool: its pointer would be none. Access out of bounds ends the program, as in Unreal's development builds. */
template <typename T>
class TArray
{
public:
	TArray() = default;
	TArray(const T* From, int32 Count) : Items(From, From + Count) {}
	TArray(std::initializer_list<T> From) : Items(From) {}

	int32 Num() const { return static_cast<int32>(Items.size()); }
	bool IsEmpty() const { return Items.empty(); }
	T* GetData() { return Items.data(); }
	const T* GetData() const { return Items.data(); }
	T& operator[](int32 Index) { return Items[Checked(Index)]; }
	const T& operator[](int32 Index) const { return Items[Checked(Index)]; }
	T& Last() { return (*this)[Num() - 1]; }

	int32 Add(const T& Item)
	{
		Items.push_back(Item);
		return Num() - 1;
	}
	int32 Add(T&& Item)
	{
		Items.push_back(std::move(Item));
		return Num() - 1;
	}
	void Append(const T* From, int32 Count) { Items.insert(Items.end(), From, From + Count); }
	void Append(const TArray& From) { Append(From.GetData(), From.Num()); }
	void Reset() { Items.clear(); }
	void Empty() { Items = std::vector<T>(); }
	void SetNum(int32 Count) { Items.resize(static_cast<size_t>(Count)); }
	void SetNumZeroed(int32 Count) { Items.resize(static_cast<size_t>(Count)); }
	bool Contains(const T& Item) const { return std::find(Items.begin(), Items.end(), Item) != Items.end(); }
	int32 Remove(const T& Item)
	{
		const size_t Before = Items.size();
		Items.erase(std::remove(Items.begin(), Items.end(), Item), Items.end());
		return static_cast<int32>(Before - Items.size());
	}
	bool operator==(const TArray& Other) const { return Items == Other.Items; }

	typename std::vector<T>::iterator begin() { return Items.begin(); }
	typename std::vector<T>::iterator end() { return Items.end(); }
	typename std::vector<T>::const_iterator begin() const { return Items.begin(); }
	typename std::vector<T>::const_iterator end() const { return Items.end(); }

private:
	size_t Checked(int32 Index) const
	{
		check(Index >= 0 && Index < Num());
		return static_cast<size_t>(Index);
	}
	std::vector<T> Items;
};
