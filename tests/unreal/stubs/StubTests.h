/* What the tests ask of the stand-ins; the plugin does not see it. */
#pragma once
#include "Containers/UnrealString.h"
#include "Logging/LogMacros.h"
#include <functional>
#include <string>
#include <vector>

struct FStubLine
{
	const char* Category;
	ELogVerbosity::Type Verbosity;
	std::string Text;
};

std::string StubNarrow(const FString& From);
FString StubWide(const std::string& From);

/** Everything that was logged so far. */
std::vector<FStubLine>& StubLines();
/** How many of the lines are errors. */
int StubErrors();
/** How many objects there are. */
int StubObjects();
/** Runs frames until it holds; ends the program with 1 if it does not in time. */
void StubFramesUntil(const std::function<bool()>& Condition, const char* What, double Seconds = 30);
