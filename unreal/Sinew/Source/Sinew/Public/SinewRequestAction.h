// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "CoreMinimal.h"
#include "Kismet/BlueprintAsyncActionBase.h"
#include "SinewRemoteServer.h"
#include "SinewServerGroup.h"
#include "SinewTypes.h"

#include "SinewRequestAction.generated.h"

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FSinewRequestActionSignature, const FSinewReply&, Reply);

/** The Blueprint nodes Request Server and Request Any Server: one question, one outcome, exactly once. */
UCLASS()
class SINEW_API USinewRequestAction : public UBlueprintAsyncActionBase
{
	GENERATED_BODY()

public:
	/** Asks a server. On Failed the reply's Failure says why, and for NotSent its Result. */
	UFUNCTION(BlueprintCallable, Category = "Sinew", meta = (BlueprintInternalUseOnly = "true", WorldContext = "WorldContextObject"))
	static USinewRequestAction* RequestServer(UObject* WorldContextObject, USinewRemoteServer* Server, int32 Tag, const TArray<uint8>& Payload, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0, int32 TimeoutMs = 5000);

	/** Asks one server of a group, and Retries more of them if one fails to answer. */
	UFUNCTION(BlueprintCallable, Category = "Sinew", meta = (BlueprintInternalUseOnly = "true", WorldContext = "WorldContextObject"))
	static USinewRequestAction* RequestAnyServer(UObject* WorldContextObject, USinewServerGroup* Group, ESinewPolicy Policy, const TArray<uint8>& Key, int32 Tag, const TArray<uint8>& Payload, ESinewSendMode Mode = ESinewSendMode::Reliable, ESinewLane Lane = ESinewLane::Lane0, int32 TimeoutMs = 5000, int32 Retries = 0);

	virtual void Activate() override;

	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewRequestActionSignature OnReply;
	UPROPERTY(BlueprintAssignable, Category = "Sinew")
	FSinewRequestActionSignature OnFailed;

private:
	void Finish(const FSinewReply& Reply);

	// What is asked, until Activate. The header tool allows no parameter the name of a property.
	UPROPERTY(Transient)
	TObjectPtr<USinewRemoteServer> AskedServer;
	UPROPERTY(Transient)
	TObjectPtr<USinewServerGroup> AskedGroup;
	ESinewPolicy AskedPolicy = ESinewPolicy::Unknown;
	TArray<uint8> AskedKey;
	FSinewMessage Question;
	int32 AskedTimeoutMs = 0;
	int32 AskedRetries = 0;
};
