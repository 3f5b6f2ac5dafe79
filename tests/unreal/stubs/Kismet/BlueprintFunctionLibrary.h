#pragma once
#include "UObject/Object.h"

class UBlueprintFunctionLibrary : public UObject
{
public:
	typedef UBlueprintFunctionLibrary ThisClass;
	static UClass* StaticClass();
};
