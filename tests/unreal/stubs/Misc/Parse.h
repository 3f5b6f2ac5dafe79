#pragma once
#include "Containers/UnrealString.h"

struct FParse
{
	/** What follows `Match` in the line, up to a space (or a comma, if told so); quotes keep spaces. */
	static bool Value(const TCHAR* Stream, const TCHAR* Match, FString& Out, bool bShouldStopOnSeparator = true);
};
