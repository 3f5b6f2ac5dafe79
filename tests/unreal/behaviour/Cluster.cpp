/* The plugin in a cluster with servers in C and with itself: what is told, in which order, and what may be asked. */
#include "Scenarios.h"
#include "SinewSettings.h"
#include "SinewRequestAction.h"
#include "Support.h"

#include <pthread.h>
#include <unistd.h>

/** What a Blueprint would bind. Everything that is told is kept as a line. */
class UListener : public UObject
{
public:
	std::vector<std::string> Lines;
	pthread_t Thread = pthread_self();
	FSinewReply LastReply;

	void Line(const std::string& What, const USinewRemoteServer* Server)
	{
		CHECK(pthread_equal(Thread, pthread_self()));
		Lines.push_back(What + (Server == nullptr ? "" : " " + StubNarrow(Server->GetServerName())));
	}
	void Joined(USinewRemoteServer* Server) { Line("joined", Server); }
	void ConnectedTo(USinewRemoteServer* Server) { Line("connected", Server); }
	void Interrupted(USinewRemoteServer* Server) { Line("interrupted", Server); }
	void Disconnected(USinewRemoteServer* Server, ESinewDisconnectReason, const FString& Why, int64)
	{
		CHECK(!Why.IsEmpty());
		Line("disconnected", Server);
	}
	void Left(USinewRemoteServer* Server, ESinewLeaveReason) { Line("left", Server); }
	void Updated(USinewRemoteServer* Server) { Line("updated", Server); }
	void Received(USinewRemoteServer* Server, const FSinewMessage& Message) { Line("message " + std::to_string(Message.Tag) + " " + Text(Message.Payload), Server); }
	void Asked(USinewRemoteServer* Server, const FSinewRequest& Request)
	{
		Line("request " + std::to_string(Request.Message.Tag), Server);
		CHECK(Request.TimeoutMs > 0);
		CHECK(Server->Reply(Request.RequestId, 9, Request.Message.Payload) == ESinewResult::Ok);
	}
	void Replied(const FSinewReply& Reply)
	{
		LastReply = Reply;
		Line("reply", nullptr);
	}
	void Failed(const FSinewReply& Reply)
	{
		LastReply = Reply;
		Line("failed " + std::to_string(static_cast<int>(Reply.Failure)), nullptr);
	}
	void Stopped(ESinewStopReason, const FString&) { Line("stopped", nullptr); }

	bool Has(const std::string& What) const
	{
		for (const std::string& Told : Lines)
		{
			if (Told == What)
			{
				return true;
			}
		}
		return false;
	}
	/** The place of a line, so that two can be compared. */
	size_t At(const std::string& What) const
	{
		size_t Index = 0;
		while (Index < Lines.size() && Lines[Index] != What)
		{
			++Index;
		}
		CHECK(Index < Lines.size());
		return Index;
	}
};

static TStrongObjectPtr<UListener> Listen(USinewSubsystem* Sinew)
{
	TStrongObjectPtr<UListener> Listener(NewObject<UListener>());
	Sinew->OnServerJoined.AddDynamic(Listener.Get(), &UListener::Joined);
	Sinew->OnServerConnected.AddDynamic(Listener.Get(), &UListener::ConnectedTo);
	Sinew->OnServerInterrupted.AddDynamic(Listener.Get(), &UListener::Interrupted);
	Sinew->OnServerDisconnected.AddDynamic(Listener.Get(), &UListener::Disconnected);
	Sinew->OnServerLeft.AddDynamic(Listener.Get(), &UListener::Left);
	Sinew->OnServerUpdated.AddDynamic(Listener.Get(), &UListener::Updated);
	Sinew->OnMessageReceived.AddDynamic(Listener.Get(), &UListener::Received);
	Sinew->OnReplyReceived.AddDynamic(Listener.Get(), &UListener::Replied);
	Sinew->OnRequestFailed.AddDynamic(Listener.Get(), &UListener::Failed);
	Sinew->OnStopped.AddDynamic(Listener.Get(), &UListener::Stopped);
	return Listener;
}

/** Messages both ways, groups, properties, any of a group, explain, statistics, reload. */
void Messages()
{
	FGame Game;
	const TStrongObjectPtr<UListener> Told = Listen(Game.Sinew);
	StartAndRegister(Game, "alice");
	FPeer Peer("bob");
	USinewRemoteServer* const Bob = Connected(Game, "bob");
	Until([&]() { return Told->Has("connected bob"); }, "the connection is told");
	CHECK(Told->At("joined bob") < Told->At("connected bob"));
	CHECK(Bob->GetGroupName() == TEXT("peer") && Bob->GetId() != 0 && Game.Sinew->FindServer(Bob->GetId()) == Bob);

	// Remote server, group, subsystem; native before Blueprint.
	std::vector<std::string> Order;
	USinewServerGroup* const Group = Bob->GetServerGroup();
	CHECK(Group != nullptr && Group == Game.Sinew->GetServerGroup(TEXT("peer")) && Group->GetRemoteServer(Bob->GetId()) == Bob);
	CHECK(Game.Sinew->GetServerGroup(TEXT("nobody")) == nullptr && Game.Sinew->GetLastError().Contains(TEXT("`nobody`")));
	Bob->OnMessageReceivedNative.AddLambda([&](USinewRemoteServer& Server, const FSinewMessageView& Message)
	{
		CHECK(&Server == Bob && Message.Lane == ESinewLane::Lane2 && Message.Mode == ESinewSendMode::Reliable);
		Order.push_back("server");
	});
	Group->OnMessageReceivedNative.AddLambda([&](USinewRemoteServer&, const FSinewMessageView&) { Order.push_back("group"); });
	Game.Sinew->OnMessageReceivedNative.AddLambda([&](USinewRemoteServer&, const FSinewMessageView& Message) { Order.push_back("subsystem " + Text(Message.Payload)); });
	CHECK_OK(Game.Sinew, Bob->Send(10, Bytes("hello"), ESinewSendMode::Reliable, ESinewLane::Lane2));
	Until([&]() { return Told->Has("message 11 hello bob"); }, "the echo comes");
	CHECK((Order == std::vector<std::string>{"server", "group", "subsystem hello"}));
	CHECK(Bob->Send(70000, Bytes("x")) == ESinewResult::InvalidArgument && Game.Sinew->GetLastError().Contains(TEXT("70000")));

	// Tags that a handler has for itself.
	std::string Handled;
	Game.Sinew->SetTagHandler(21, 29, [&Handled](USinewRemoteServer&, const FSinewMessageView& Message) { Handled = Text(Message.Payload); });
	CHECK_OK(Game.Sinew, Bob->SendView(20, Bytes("raw"), ESinewSendMode::Reliable, ESinewLane::Lane2));
	Until([&]() { return Handled == "raw"; }, "the handler has it");
	CHECK(!Told->Has("message 21 raw bob"));
	Bob->OnMessageReceivedNative.Clear();

	// An unreliable one may get lost, but not all of them.
	for (int Index = 0; Index < 100; ++Index)
	{
		CHECK_OK(Game.Sinew, Bob->Send(12, Bytes("u"), ESinewSendMode::Unreliable));
	}
	Until([&]() { return Told->Has("message 13 u bob"); }, "an unreliable message comes back");

	int32 Sent = 0;
	TArray<int64> Missed;
	CHECK_OK(Game.Sinew, Group->Broadcast(14, Bytes("all"), Sent, Missed));
	CHECK(Sent == 1 && Missed.IsEmpty());
	int64 Chosen = 0;
	CHECK_OK(Game.Sinew, Group->SendAny(ESinewPolicy::Key, Bytes("player-77"), 16, Bytes("any"), Chosen));
	CHECK(Chosen == Bob->GetId());
	CHECK(Group->SendAny(ESinewPolicy::Unknown, {}, 16, Bytes("any"), Chosen) == ESinewResult::InvalidArgument && Chosen == 0);
	Until([&]() { return Told->Has("message 15 all bob") && Told->Has("message 17 any bob"); }, "both come back");

	CHECK_OK(Game.Sinew, Bob->Send(101, Bytes("12.5")));
	Until([&]() { return Told->Has("updated bob"); }, "its load is told");
	CHECK(Bob->GetProperties().Find(TEXT("load")) != nullptr && *Bob->GetProperties().Find(TEXT("load")) == TEXT("12.5"));
	FSinewRemoteServerInfo Info;
	CHECK_OK(Game.Sinew, Bob->GetInfo(Info));
	CHECK(Info.bHasLoad && Info.Load == 12.5 && !Info.bHasCapacity && Info.Readiness == ESinewReadiness::Ready && Info.Port > 0);
	CHECK(Info.State == ESinewConnectionState::Connected && Info.Direction == ESinewDirection::Outgoing && Info.Name == TEXT("bob"));

	bool bFound = false;
	FString Value;
	CHECK_OK(Game.Sinew, Game.Sinew->SetProperty(TEXT("map"), TEXT("K\u00f6ln")));
	CHECK_OK(Game.Sinew, Game.Sinew->GetProperty(0, TEXT("map"), Value, bFound));
	CHECK(bFound && Value == TEXT("K\u00f6ln"));
	CHECK_OK(Game.Sinew, Game.Sinew->RemoveProperty(TEXT("map")));
	CHECK_OK(Game.Sinew, Game.Sinew->GetProperty(0, TEXT("map"), Value, bFound));
	CHECK(!bFound && Value.IsEmpty());
	CHECK(Game.Sinew->SetProperty(TEXT("load"), TEXT("much")) == ESinewResult::InvalidArgument);

	FString Why;
	CHECK_OK(Game.Sinew, Bob->Explain(Why));
	CHECK(Why.Contains(TEXT("bob")));
	FSinewServerInfo Own;
	CHECK_OK(Game.Sinew, Game.Sinew->GetServerInfo(Own));
	CHECK(Own.Name == TEXT("alice") && Own.Group == TEXT("game") && Own.Id != 0 && Own.Port > 0 && Own.Visibility == ESinewVisibility::Internal);
	FSinewStats Stats;
	CHECK_OK(Game.Sinew, Game.Sinew->GetStats(Stats));
	CHECK(Stats.Connected == 1 && Stats.MessagesSent > 100 && Stats.CeilingBytes > 0);
	FSinewGroupInfo GroupInfo;
	CHECK_OK(Game.Sinew, Group->GetInfo(GroupInfo));
	CHECK(GroupInfo.Name == TEXT("peer") && GroupInfo.Count == 1 && GroupInfo.Visibility == ESinewVisibility::External);
	CHECK(GroupInfo.Direction == ESinewDirection::Outgoing);
	CHECK(Game.Sinew->GetServerGroups().Num() == 2);

	CHECK(Game.Sinew->Reload(GameConfig("another")) == ESinewResult::InvalidConfig && Game.Sinew->GetLastError().Contains(TEXT("server.name")));
	CHECK_OK(Game.Sinew, Game.Sinew->Reload(GameConfig("alice", "limits.max_message_bytes = 1000\n")));
	CHECK(Game.Sinew->ReloadFile(TEXT("/nowhere.toml")) == ESinewResult::InvalidConfig);

	Peer.Stop();
	Until([&]() { return Told->Has("left bob"); }, "it has left");
	CHECK(Told->At("message 17 any bob") < Told->At("disconnected bob") && Told->At("disconnected bob") < Told->At("left bob"));
	CHECK_OK(Game.Sinew, Game.Sinew->Stop());
	Until([&]() { return !Game.Sinew->IsRunning(); }, "it stops");
	CHECK(Told->Lines.back() == "stopped");
	CHECK(Game.Sinew->Stop() == ESinewResult::Stopped && Game.Sinew->GetLastError().Contains(TEXT("Start")));
}

/** Both ways, every outcome: as a number, as a future, as a node. */
void Requests()
{
	FGame Game;
	const TStrongObjectPtr<UListener> Told = Listen(Game.Sinew);
	StartAndRegister(Game, "alice");
	FPeer Peer("bob");
	USinewRemoteServer* const Bob = Connected(Game, "bob");

	int64 Number = 0;
	CHECK_OK(Game.Sinew, Bob->StartRequest(1, Bytes("why"), Number));
	Until([&]() { return Told->Has("reply"); }, "the answer comes");
	CHECK(Told->LastReply.RequestId == Number && Told->LastReply.Code == 7 && Text(Told->LastReply.Payload) == "why" && Told->LastReply.ServerId == Bob->GetId());
	CHECK_OK(Game.Sinew, Bob->StartRequest(3, Bytes("silence"), Number));
	CHECK_OK(Game.Sinew, Game.Sinew->CancelRequest(Number));
	Until([&]() { return Told->Has("failed 7"); }, "it is cancelled");
	CHECK(Game.Sinew->CancelRequest(Number) == ESinewResult::UnknownRequest);
	CHECK_OK(Game.Sinew, Bob->StartRequest(3, Bytes("silence"), Number, ESinewSendMode::Reliable, ESinewLane::Lane0, 50));
	Until([&]() { return Told->Has("failed 1"); }, "it times out");
	CHECK_OK(Game.Sinew, Bob->StartRequest(4, Bytes(""), Number));
	Until([&]() { return Told->Has("failed 5"); }, "nobody answers these");
	CHECK(Bob->StartRequest(1, Bytes(""), Number, ESinewSendMode::Reliable, ESinewLane::Lane0, 0) == ESinewResult::InvalidArgument && Number == 0);

	// Futures, one of which asks the next thing.
	std::string Answer;
	const size_t Lines = Told->Lines.size();
	Bob->Request(1, Bytes("first")).Next([&](const FSinewReply& First)
	{
		CHECK(First.IsAnswered() && Text(First.Payload) == "first");
		Bob->GetServerGroup()->RequestAny(ESinewPolicy::RoundRobin, {}, 1, Bytes("second")).Next([&](const FSinewReply& Second) { Answer = Text(Second.Payload); });
	});
	Until([&]() { return Answer == "second"; }, "both are answered");
	TFuture<FSinewReply> Refused = Bob->Request(2, Bytes(""));
	Until([&]() { return Refused.IsReady(); }, "it is refused");
	CHECK(Refused.Get().Failure == ESinewRequestFailure::Refused);
	TFuture<FSinewReply> Unsent = Bob->Request(-1, Bytes(""));
	CHECK(Unsent.IsReady() && Unsent.Get().Failure == ESinewRequestFailure::NotSent && Unsent.Get().Result == ESinewResult::InvalidArgument);
	CHECK(Told->Lines.size() == Lines); // whoever waits is told, and nobody else

	// Nodes.
	CollectGarbage();
	const int Before = StubObjects();
	const auto Node = [&](USinewRequestAction* Action)
	{
		Told->LastReply = FSinewReply();
		Action->OnReply.AddDynamic(Told.Get(), &UListener::Replied);
		Action->OnFailed.AddDynamic(Told.Get(), &UListener::Failed);
		CollectGarbage(); // the game instance keeps it
		Action->Activate();
	};
	Node(USinewRequestAction::RequestServer(Game.Instance.Get(), Bob, 1, Bytes("node")));
	Until([&]() { return Text(Told->LastReply.Payload) == "node"; }, "the node is answered");
	Node(USinewRequestAction::RequestAnyServer(Game.Instance.Get(), Bob->GetServerGroup(), ESinewPolicy::LeastLoaded, {}, 2, Bytes("node")));
	Until([&]() { return Told->LastReply.Failure == ESinewRequestFailure::Refused; }, "the node fails");
	Node(USinewRequestAction::RequestServer(Game.Instance.Get(), nullptr, 1, Bytes("node")));
	CHECK(Told->LastReply.Failure == ESinewRequestFailure::NotSent);
	CollectGarbage();
	CHECK(StubObjects() == Before); // they are done

	// The other way: nobody is bound, then somebody is.
	CHECK_OK(Game.Sinew, Bob->Send(100, Bytes("who?")));
	Until([&]() { return Told->Has(std::string("message 62 ") + static_cast<char>(ESinewRequestFailure::NoHandler) + " bob"); }, "nobody answers here");
	Game.Sinew->OnRequestReceived.AddDynamic(Told.Get(), &UListener::Asked);
	CHECK_OK(Game.Sinew, Bob->Send(100, Bytes("who?")));
	Until([&]() { return Told->Has(std::string("message 61 \x09\0\0\0who? bob", 23)); }, "it is answered here");
	CHECK(Told->At("request 60 bob") < Told->Lines.size());
	Game.Sinew->OnRequestReceived.Clear();
	int64 Later = 0;
	Bob->OnRequestReceivedNative.AddLambda([&](USinewRemoteServer&, const FSinewRequestView& Request) { Later = Request.RequestId; });
	CHECK_OK(Game.Sinew, Bob->Send(100, Bytes("later")));
	Until([&]() { return Later != 0; }, "it is asked");
	CHECK(Bob->Reply(Later, -1, Bytes("")) == ESinewResult::InvalidArgument);
	CHECK_OK(Game.Sinew, Bob->Refuse(Later));
	CHECK(Bob->Refuse(Later) == ESinewResult::UnknownRequest);
	Until([&]() { return Told->Has(std::string("message 62 ") + static_cast<char>(ESinewRequestFailure::Refused) + " bob"); }, "it is refused here");

	// A game instance that ends tells everybody who waits.
	TFuture<FSinewReply> Open = Bob->Request(3, Bytes("silence"), ESinewSendMode::Reliable, ESinewLane::Lane0, 60000);
	const TStrongObjectPtr<USinewRemoteServer> Kept(Bob);
	Game.End();
	CHECK(Open.IsReady() && Open.Get().Failure == ESinewRequestFailure::Stopping);

	// And its handles are harmless for ever.
	FString Why;
	FSinewRemoteServerInfo Info;
	CHECK(Kept->Send(1, Bytes("x")) == ESinewResult::Stopped && Kept->Explain(Why) == ESinewResult::Stopped && Kept->GetInfo(Info) == ESinewResult::Stopped);
	CHECK(Kept->GetConnectionState() == ESinewConnectionState::Left && Kept->GetServerGroup() == nullptr && Kept->GetServerName() == TEXT("bob"));
	CHECK(Kept->Reply(1, 1, Bytes("")) == ESinewResult::Stopped && Kept->Refuse(1) == ESinewResult::Stopped);
	TFuture<FSinewReply> Late = Kept->Request(1, Bytes("x"));
	CHECK(Late.IsReady() && Late.Get().Result == ESinewResult::Stopped);
}

/** A server that is killed, and comes back under its name. */
void Killed()
{
	FGame Game;
	const TStrongObjectPtr<UListener> Told = Listen(Game.Sinew);
	StartAndRegister(Game, "alice", "limits.resume_window_ms = 500\n");
	FPeer First("carol");
	const TStrongObjectPtr<USinewRemoteServer> Old(Connected(Game, "carol"));
	TFuture<FSinewReply> Open = Old->Request(3, Bytes("silence"), ESinewSendMode::Reliable, ESinewLane::Lane0, 60000);
	First.Kill();
	Until([&]() { return Told->Has("interrupted carol"); }, "the interruption is told");
	FPeer Second("carol");
	Until([&]() { return Told->Has("left carol"); }, "the first one has left");
	CHECK(Told->At("connected carol") < Told->At("interrupted carol") && Told->At("interrupted carol") < Told->At("disconnected carol"));
	CHECK(Told->At("disconnected carol") < Told->At("left carol") && Open.IsReady() && !Open.Get().IsAnswered());
	USinewRemoteServer* const New = Connected(Game, "carol");
	CHECK(New != Old.Get() && New->GetId() > Old->GetId());
	CHECK(Old->Send(1, Bytes("x")) == ESinewResult::UnknownServer && Old->GetConnectionState() == ESinewConnectionState::Left);
	CHECK_OK(Game.Sinew, New->Send(10, Bytes("again")));
	Until([&]() { return Told->Has("message 11 again carol"); }, "the new one answers");
}

/** Garbage is collected in every frame: what the subsystem needs is referred to by properties. */
void Garbage()
{
	FGame Game;
	const TStrongObjectPtr<UListener> Told = Listen(Game.Sinew);
	StartAndRegister(Game, "alice");
	FPeer Peer("bob");
	Connected(Game, "bob");
	Game.Sinew->OnMessageReceivedNative.AddLambda([](USinewRemoteServer&, const FSinewMessageView&) { CollectGarbage(); });
	for (int Index = 0; Index < 20; ++Index)
	{
		CollectGarbage();
		const std::string What = "g" + std::to_string(Index);
		CHECK_OK(Game.Sinew, Game.Sinew->GetServerGroup(TEXT("peer"))->GetRemoteServers()[0]->Send(10, Bytes(What)));
		Until([&]() { return Told->Has("message 11 " + What + " bob"); }, "the echo comes");
	}
	Peer.Stop();
	Until([&]() { return Told->Has("left bob"); }, "it has left");
	const int Before = StubObjects();
	CollectGarbage();
	CHECK(StubObjects() == Before - 1); // its handle, which nobody has kept
}

/** The outbox is full, and half free again. A budget of a microsecond spreads the events over frames, and loses none. */
void Full()
{
	GetMutableDefault<USinewSettings>()->PollBudgetMicroseconds = 1;
	FGame Game;
	const TStrongObjectPtr<UListener> Told = Listen(Game.Sinew);
	StartAndRegister(Game, "alice", "limits.outbox_bytes = 65536\n");
	FPeer Peer("bob");
	USinewRemoteServer* const Bob = Connected(Game, "bob");
	bool bWritable = false;
	Game.Sinew->OnWritableNative.AddLambda([&](USinewRemoteServer& Server) { bWritable = &Server == Bob; });
	CHECK_OK(Game.Sinew, Bob->Send(300, Bytes("do not poll")));
	const std::string Big(20000, 'b');
	int Sent = 0;
	Until([&]()
	{
		const ESinewResult Result = Bob->Send(10, Bytes(Big));
		Sent += Result == ESinewResult::Ok;
		CHECK(Result == ESinewResult::Ok || Result == ESinewResult::QueueFull);
		return Result == ESinewResult::QueueFull;
	}, "the outbox is full");
	CHECK(!bWritable && Sent > 0);
	Peer.WakeUp();
	Until([&]() { return bWritable; }, "half of it is free");
	Until([&]()
	{
		int Echoes = 0;
		for (const std::string& Line : Told->Lines)
		{
			Echoes += Line == "message 11 " + Big + " bob";
		}
		return Echoes == Sent;
	}, "everything has arrived and come back");
	GetMutableDefault<USinewSettings>()->PollBudgetMicroseconds = 5000;
}
