/* behaviour SCENARIO: runs one of Scenarios.h. */
#include "Scenarios.h"
#include "Support.h"

#include <cstring>

int main(int Count, char** Values)
{
	const struct
	{
		const char* Name;
		void (*Run)();
	} Scenarios[] = {
		{"messages", &Messages}, {"requests", &Requests}, {"killed", &Killed}, {"garbage", &Garbage}, {"full", &Full}, {"instances", &Instances},
		{"connector", &Connector}, {"cycles", &Cycles}, {"shutdown", &Shutdown}, {"settings", &Settings}, {"config-errors", &ConfigErrors},
		{"no-library", &NoLibrary}, {"vectors", &Vectors}, {"specs", &Specs},
	};
	for (const auto& Scenario : Scenarios)
	{
		if (Count == 2 && std::strcmp(Values[1], Scenario.Name) == 0)
		{
			StartModule();
			Scenario.Run();
			EndModule();
			CollectGarbage(); // so that what is left is a leak
			CHECK(FTSTicker::GetCoreTicker().StubCount() == 0);
			std::printf("%s: passed\n", Scenario.Name);
			return 0;
		}
	}
	std::fprintf(stderr, "behaviour SCENARIO\n");
	return 2;
}
