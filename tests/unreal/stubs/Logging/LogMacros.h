#pragma once
#include "Containers/UnrealString.h"

namespace ELogVerbosity
{
	enum Type
	{
		NoLogging,
		Fatal,
		Error,
		Warning,
		Display,
		Log,
		Verbose,
		VeryVerbose,
		All
	};
}

struct FLogCategoryBase
{
	const char* Name;
};

/** Where the lines go: the tests read them. */
void StubLog(const FLogCategoryBase& Category, ELogVerbosity::Type Verbosity, const FString& Line);

#define DECLARE_LOG_CATEGORY_EXTERN(Category, Default, Compiled) \
	extern struct FLogCategory##Category : public FLogCategoryBase \
	{ \
		FLogCategory##Category() : FLogCategoryBase{#Category} {} \
	} Category
#define DEFINE_LOG_CATEGORY(Category) FLogCategory##Category Category
#define UE_LOG(Category, Verbosity, Format, ...) StubLog(Category, ELogVerbosity::Verbosity, FString::Printf(Format, ##__VA_ARGS__))
