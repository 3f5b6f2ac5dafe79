#pragma once
#include "UObject/NameTypes.h"
#include "UObject/Object.h"
#include "UObject/UObjectGlobals.h"

class UDeveloperSettings : public UObject
{
public:
	typedef UDeveloperSettings ThisClass;
	static UClass* StaticClass();
	virtual FName GetCategoryName() const { return FName(); }
};
