#pragma once
#include "CoreTypes.h"
#include <list>
#include <utility>

template <typename K, typename V>
struct TPair
{
	K Key;
	V Value;
};

/** In the order of adding. */
template <typename K, typename V>
class TMap
{
public:
	V& Add(const K& Key, const V& Value)
	{
		Remove(Key);
		Pairs.push_back(TPair<K, V>{Key, Value});
		return Pairs.back().Value;
	}
	V& Add(const K& Key, V&& Value)
	{
		Remove(Key);
		Pairs.push_back(TPair<K, V>{Key, std::move(Value)});
		return Pairs.back().Value;
	}
	V* Find(const K& Key)
	{
		for (TPair<K, V>& Pair : Pairs)
		{
			if (Pair.Key == Key)
			{
				return &Pair.Value;
			}
		}
		return nullptr;
	}
	const V* Find(const K& Key) const { return const_cast<TMap*>(this)->Find(Key); }
	bool Contains(const K& Key) const { return Find(Key) != nullptr; }
	int32 Remove(const K& Key)
	{
		for (auto It = Pairs.begin(); It != Pairs.end(); ++It)
		{
			if (It->Key == Key)
			{
				Pairs.erase(It);
				return 1;
			}
		}
		return 0;
	}
	int32 Num() const { return static_cast<int32>(Pairs.size()); }
	void Empty() { Pairs.clear(); }

	typename std::list<TPair<K, V>>::iterator begin() { return Pairs.begin(); }
	typename std::list<TPair<K, V>>::iterator end() { return Pairs.end(); }
	typename std::list<TPair<K, V>>::const_iterator begin() const { return Pairs.begin(); }
	typename std::list<TPair<K, V>>::const_iterator end() const { return Pairs.end(); }

private:
	std::list<TPair<K, V>> Pairs;
};
