#pragma once
#include "Modules/ModuleInterface.h"

/** Made by the test, which starts and ends it. */
#define IMPLEMENT_MODULE(Class, Name) \
	IModuleInterface* StubMakeModule_##Name(); \
	IModuleInterface* StubMakeModule_##Name() \
	{ \
		return new Class(); \
	}
