#pragma once
#include "UObject/Object.h"

/** Kept from RegisterWithGameInstance until SetReadyToDestroy. */
class UBlueprintAsyncActionBase : public UObject
{
public:
	typedef UBlueprintAsyncActionBase ThisClass;
	static UClass* StaticClass();
	virtual void Activate() {}
	void RegisterWithGameInstance(const UObject* WorldContextObject);
	virtual void SetReadyToDestroy();
};
