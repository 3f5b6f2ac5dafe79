#pragma once
#include "UObject/Object.h"

class UWorld : public UObject
{
public:
	void DestroyWorld(bool) {}
};
