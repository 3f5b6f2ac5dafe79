/* The member of a mixed cluster in Unreal's terms; tests/mixed/README.md tells what it does. It is never the conductor. */
#include "Support.h"

#include <cstdarg>
#include <map>
#include <unistd.h>

namespace
{
	struct FOther
	{
		uint32 Sent = 0;
		uint32 Received = 0;
	};

	uint32 Count = 0;
	size_t Wanted = 0;
	bool bVerified = false;
	std::map<USinewRemoteServer*, FOther> Others;

	[[noreturn]] void Wrong(const std::string& What)
	{
		std::printf("wrong: %s\n", What.c_str());
		std::fflush(stdout);
		std::_Exit(1);
	}

	void Tell(const char* What, const USinewRemoteServer& Server)
	{
		std::printf("%s %s\n", What, StubNarrow(Server.GetServerName()).c_str());
		std::fflush(stdout);
	}

	TConstArrayView<uint8> Payload(uint32 Number)
	{
		static uint8 Buffer[4 + 99];
		for (uint32 Index = 0; Index < 4; ++Index)
		{
			Buffer[Index] = static_cast<uint8>(Number >> 8 * Index);
		}
		for (uint32 Index = 0; Index < Number % 100; ++Index)
		{
			Buffer[4 + Index] = static_cast<uint8>(Number + 7 * Index);
		}
		return TConstArrayView<uint8>(Buffer, static_cast<int32>(4 + Number % 100));
	}

	/** As much as the outbox takes; OnWritable goes on. */
	void SendTo(USinewRemoteServer& Server)
	{
		const auto Found = Others.find(&Server);
		while (Found != Others.end() && Found->second.Sent < Count)
		{
			const ESinewResult Result = Server.SendView(static_cast<int32>(Found->second.Sent % 65536), Payload(Found->second.Sent));
			if (Result == ESinewResult::QueueFull)
			{
				return;
			}
			if (Result != ESinewResult::Ok)
			{
				Wrong("a send came to " + std::to_string(static_cast<int>(Result)));
			}
			++Found->second.Sent;
		}
	}

	void Receive(USinewRemoteServer& Server, const FSinewMessageView& Message)
	{
		const auto Found = Others.find(&Server);
		if (Found == Others.end() || Found->second.Received == Count)
		{
			Wrong("a message too much of " + StubNarrow(Server.GetServerName()));
		}
		const uint32 Number = Found->second.Received++;
		if (Message.Tag != Number % 65536 || Text(Message.Payload) != Text(Payload(Number)))
		{
			Wrong("message " + std::to_string(Number) + " of " + StubNarrow(Server.GetServerName()));
		}
	}

	bool IsAll()
	{
		size_t Done = 0;
		for (const auto& Other : Others)
		{
			Done += Other.second.Sent == Count && Other.second.Received == Count;
		}
		return Others.size() == Wanted && Done == Wanted;
	}
}

int main(int Arguments, char** Values)
{
	if (Arguments != 5)
	{
		Wrong("it is called as: member NAME REGISTRY COUNT PEERS");
	}
	Count = static_cast<uint32>(std::strtoul(Values[3], nullptr, 10));
	Wanted = std::strtoul(Values[4], nullptr, 10);
	StartModule();
	FGame Game;
	bool bConductorLeft = false, bStopped = false;
	Game.Sinew->OnServerJoinedNative.AddLambda([](USinewRemoteServer& Server) { Tell("joined", Server); });
	Game.Sinew->OnServerConnectedNative.AddLambda([](USinewRemoteServer& Server)
	{
		Tell("connected", Server);
		if (Others.size() < Wanted)
		{
			Others[&Server] = FOther();
			SendTo(Server);
		}
	});
	Game.Sinew->OnWritableNative.AddLambda([](USinewRemoteServer& Server) { SendTo(Server); });
	Game.Sinew->OnMessageReceivedNative.AddLambda(&Receive);
	Game.Sinew->OnServerDisconnectedNative.AddLambda([](USinewRemoteServer& Server, ESinewDisconnectReason, const FString& Why, int64)
	{
		if (!bVerified)
		{
			Wrong(StubNarrow(Server.GetServerName()) + " is disconnected: " + StubNarrow(Why));
		}
	});
	Game.Sinew->OnServerLeftNative.AddLambda([&bConductorLeft](USinewRemoteServer& Server, ESinewLeaveReason)
	{
		Tell("left", Server);
		bConductorLeft |= Server.GetServerName() == FString(TEXT("conductor"));
		Others.erase(&Server);
	});
	Game.Sinew->OnStoppedNative.AddLambda([&bStopped](ESinewStopReason, const FString&) { bStopped = true; });

	const std::string Config = "server = { group = 'mixed', name = '" + std::string(Values[1]) + "' }\ngroups.mixed.connects_to = ['mixed']\n" +
		"registry.addresses = ['" + Values[2] + "']\nlog.level = 'error'\n";
	CHECK_OK(Game.Sinew, Game.Sinew->StartWithText(StubWide(Config)));
	bool bStopping = false;
	while (!bStopped)
	{
		FTSTicker::GetCoreTicker().Tick(0.01f);
		if (!bVerified && IsAll())
		{
			bVerified = true;
			std::printf("verified\n");
			std::fflush(stdout);
		}
		if (bVerified && bConductorLeft && !bStopping)
		{
			bStopping = true;
			CHECK_OK(Game.Sinew, Game.Sinew->Stop());
		}
		usleep(500);
	}
	std::printf("stopped\n");
	std::fflush(stdout);
	Game.End();
	EndModule();
	return 0;
}
