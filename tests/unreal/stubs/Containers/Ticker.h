#pragma once
#include "Delegates/Delegate.h"
#include <memory>
#include <vector>

typedef TDelegate<bool(float)> FTickerDelegate;

/** Ticks when the test says so. */
class FTSTicker
{
public:
	typedef ::FDelegateHandle FDelegateHandle;
	static FTSTicker& GetCoreTicker();
	FDelegateHandle AddTicker(const FTickerDelegate& Delegate, float Delay = 0.0f);
	static void RemoveTicker(FDelegateHandle Handle);
	void Tick(float DeltaSeconds);
	int32 StubCount() const { return static_cast<int32>(Entries.size()); }

private:
	struct FEntry
	{
		uint64 Id;
		FTickerDelegate Delegate;
		bool bRemoved = false;
	};
	std::vector<std::shared_ptr<FEntry>> Entries;
	uint64 LastId = 0;
};
