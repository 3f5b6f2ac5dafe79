// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "CoreMinimal.h"
#include "Modules/ModuleInterface.h"

/** Loads the library when the engine starts, and hands the command line to it. Games use USinewSubsystem. */
class FSinewModule : public IModuleInterface
{
public:
	virtual void StartupModule() override;
	virtual void ShutdownModule() override;
};
