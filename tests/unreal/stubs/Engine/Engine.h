#pragma once
#include "Engine/World.h"
#include "UObject/Object.h"

class UEngine : public UObject
{
public:
	void DestroyWorldContext(UWorld*) {}
};

extern UEngine* GEngine;
