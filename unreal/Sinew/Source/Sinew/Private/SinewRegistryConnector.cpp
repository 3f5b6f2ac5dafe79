// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewRegistryConnector.h"

#include "SinewConvert.h"
#include "SinewSubsystem.h"
#include "Templates/UniquePtr.h"

USinewSubsystem* USinewRegistryConnector::GetSubsystem() const
{
	return Subsystem.Get();
}

void USinewRegistryConnector::RegisterServer_Implementation(const FSinewRegistration&)
{
	HandleRegisterFailed(TEXT("the connector does not implement RegisterServer"));
}

void USinewRegistryConnector::DeregisterServer_Implementation(int64)
{
	// An entry that is never taken out ends with its lease.
}

void USinewRegistryConnector::HandleConnectionFailure_Implementation(int64, const FString&)
{
	// A hint; who does not look waits for the registry's own word.
}

namespace
{
	/** The library's server that a connector works for, or nullptr. */
	sinew_server* Native(const USinewSubsystem* Subsystem)
	{
		return Subsystem == nullptr ? nullptr : Subsystem->GetNativeServer();
	}
}

ESinewResult USinewRegistryConnector::HandleRegistered(int64 ServerId)
{
	sinew_server* const Server = Native(Subsystem.Get());
	if (Server == nullptr)
	{
		return ESinewResult::Stopped;
	}
	const ESinewResult Judged = Subsystem->Judge(FSinewNative::Get()->sinew_registry_registered(Server, static_cast<uint64>(ServerId)));
	if (Judged == ESinewResult::Ok)
	{
		Subsystem->RegisteredId = ServerId;
	}
	return Judged;
}

ESinewResult USinewRegistryConnector::HandleRegisterFailed(const FString& Reason)
{
	sinew_server* const Server = Native(Subsystem.Get());
	const FSinewUtf8 Text(Reason);
	return Server == nullptr ? ESinewResult::Stopped : Subsystem->Judge(FSinewNative::Get()->sinew_registry_register_failed(Server, Text.Get(), Text.Num()));
}

ESinewResult USinewRegistryConnector::HandleServerJoin(const FSinewRegistration& Entry)
{
	sinew_server* const Server = Native(Subsystem.Get());
	if (Server == nullptr)
	{
		return ESinewResult::Stopped;
	}
	const FSinewUtf8 Group(Entry.Group);
	const FSinewUtf8 Name(Entry.Name);
	const FSinewUtf8 Host(Entry.Host);
	// Each on its own, so that what the properties point to stays where it is.
	TArray<TUniquePtr<FSinewUtf8>> Texts;
	TArray<sinew_property> Properties;
	for (const TPair<FString, FString>& Pair : Entry.Properties)
	{
		Texts.Add(MakeUnique<FSinewUtf8>(Pair.Key));
		const FSinewUtf8& Key = *Texts.Last();
		Texts.Add(MakeUnique<FSinewUtf8>(Pair.Value));
		const FSinewUtf8& Value = *Texts.Last();
		Properties.Add({Key.Get(), Key.Num(), Value.Get(), Value.Num()});
	}
	sinew_registration Registration = {};
	Registration.size = sizeof(Registration);
	Registration.visibility = static_cast<uint32>(Entry.Visibility);
	Registration.id = static_cast<uint64>(Entry.Id);
	Registration.group = Group.Get();
	Registration.group_len = Group.Num();
	Registration.name = Name.Get();
	Registration.name_len = Name.Num();
	Registration.host = Host.Get();
	Registration.host_len = Host.Num();
	Registration.port = static_cast<uint32>(Entry.Port);
	Registration.properties = Properties.GetData();
	Registration.property_count = static_cast<size_t>(Properties.Num());
	return Subsystem->Judge(FSinewNative::Get()->sinew_registry_server_joined(Server, &Registration));
}

ESinewResult USinewRegistryConnector::HandleServerLeave(int64 ServerId)
{
	sinew_server* const Server = Native(Subsystem.Get());
	return Server == nullptr ? ESinewResult::Stopped : Subsystem->Judge(FSinewNative::Get()->sinew_registry_server_left(Server, static_cast<uint64>(ServerId)));
}

ESinewResult USinewRegistryConnector::BeginSnapshot()
{
	sinew_server* const Server = Native(Subsystem.Get());
	return Server == nullptr ? ESinewResult::Stopped : Subsystem->Judge(FSinewNative::Get()->sinew_registry_snapshot_begin(Server));
}

ESinewResult USinewRegistryConnector::EndSnapshot()
{
	sinew_server* const Server = Native(Subsystem.Get());
	return Server == nullptr ? ESinewResult::Stopped : Subsystem->Judge(FSinewNative::Get()->sinew_registry_snapshot_end(Server));
}

ESinewResult USinewRegistryConnector::HandleRegistryLost(const FString& Reason)
{
	sinew_server* const Server = Native(Subsystem.Get());
	const FSinewUtf8 Text(Reason);
	return Server == nullptr ? ESinewResult::Stopped : Subsystem->Judge(FSinewNative::Get()->sinew_registry_lost(Server, Text.Get(), Text.Num()));
}

ESinewResult USinewRegistryConnector::HandleRegistryRestored()
{
	sinew_server* const Server = Native(Subsystem.Get());
	return Server == nullptr ? ESinewResult::Stopped : Subsystem->Judge(FSinewNative::Get()->sinew_registry_restored(Server));
}
