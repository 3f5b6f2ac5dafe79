#pragma once
#include "CoreTypes.h"
#include "Containers/Array.h"
#include "Containers/Map.h"
#include "UObject/ObjectMacros.h"
#include "UObject/ObjectPtr.h"
#include <memory>

/** A class with its name and what it derives from; made by the generated code. */
class UClass
{
public:
	UClass(const char* InName, UClass* InSuper) : Name(InName), Super(InSuper) {}
	const char* Name;
	UClass* Super;
	bool IsChildOf(const UClass* Other) const { return this == Other || (Super != nullptr && Super->IsChildOf(Other)); }
};

/**
 * Collected when nothing that is rooted refers to it by a UPROPERTY, as in Unreal: the generated code tells which these are. What Unreal poisons,
 * is really freed here, so a sanitizer sees who uses it afterwards.
 */
class UObject
{
public:
	typedef UObject ThisClass;
	UObject();
	virtual ~UObject();
	UObject(const UObject&) = delete;
	UObject& operator=(const UObject&) = delete;

	static UClass* StaticClass();
	virtual UClass* GetClass() const { return StaticClass(); }
	UObject* GetOuter() const { return StubOuter; }

	/** What its UPROPERTYs refer to. */
	virtual void StubReferences(TArray<UObject*>& Out);

	UObject* StubOuter = nullptr;
	int32 StubRoots = 0;
	bool bStubMarked = false;
	/** Shared with the weak pointers. */
	std::shared_ptr<bool> StubAlive;
};

inline void StubAddReference(TArray<UObject*>& Out, UObject* Object)
{
	Out.Add(Object);
}
template <typename T>
void StubAddReference(TArray<UObject*>& Out, const TObjectPtr<T>& Object)
{
	Out.Add(Object.Get());
}
template <typename K, typename T>
void StubAddReference(TArray<UObject*>& Out, const TMap<K, TObjectPtr<T>>& Objects)
{
	for (const TPair<K, TObjectPtr<T>>& Pair : Objects)
	{
		Out.Add(Pair.Value.Get());
	}
}
/** Everything that is no object. */
template <typename T>
void StubAddReference(TArray<UObject*>&, const T&)
{
}
