#pragma once
#include "UObject/Object.h"

class UGameInstance;

class FSubsystemCollectionBase
{
};

class UGameInstanceSubsystem : public UObject
{
public:
	typedef UGameInstanceSubsystem ThisClass;
	static UClass* StaticClass();
	virtual void Initialize(FSubsystemCollectionBase&) {}
	virtual void Deinitialize() {}
	UGameInstance* GetGameInstance() const;
};
