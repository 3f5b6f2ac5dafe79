// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "CoreMinimal.h"
#include "Kismet/BlueprintFunctionLibrary.h"
#include "SinewMessages.h"

#include "SinewMessageLibrary.generated.h"

/**
 * FSinewWriter and FSinewReader for Blueprints. Blueprints have no unsigned numbers of 32 and 64 bits: they are the next wider ones here, and a
 * Write that answers false was given a number that its type does not hold, and has written nothing. A Read that answers false leaves the reader
 * where it was; Get Error says why.
 */
UCLASS()
class SINEW_API USinewMessageLibrary : public UBlueprintFunctionLibrary
{
	GENERATED_BODY()

public:
	/** The payload: what has been written so far. */
	UFUNCTION(BlueprintPure, Category = "Sinew|Messages")
	static const TArray<uint8>& GetPayload(const FSinewWriter& Writer) { return Writer.Bytes; }

	/** Reads a payload from its start. */
	UFUNCTION(BlueprintPure, Category = "Sinew|Messages")
	static FSinewReader MakeReader(const TArray<uint8>& Payload) { return FSinewReader::Owning(Payload); }

	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteBool(UPARAM(ref) FSinewWriter& Writer, bool bValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteU8(UPARAM(ref) FSinewWriter& Writer, uint8 Value);
	/** -128 to 127. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool WriteI8(UPARAM(ref) FSinewWriter& Writer, int32 Value);
	/** 0 to 65535. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool WriteU16(UPARAM(ref) FSinewWriter& Writer, int32 Value);
	/** -32768 to 32767. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool WriteI16(UPARAM(ref) FSinewWriter& Writer, int32 Value);
	/** 0 to 2^32 - 1. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool WriteU32(UPARAM(ref) FSinewWriter& Writer, int64 Value);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteI32(UPARAM(ref) FSinewWriter& Writer, int32 Value);
	/** 0 to 2^63 - 1. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool WriteU64(UPARAM(ref) FSinewWriter& Writer, int64 Value);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteI64(UPARAM(ref) FSinewWriter& Writer, int64 Value);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteF32(UPARAM(ref) FSinewWriter& Writer, float Value);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteF64(UPARAM(ref) FSinewWriter& Writer, double Value);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteString(UPARAM(ref) FSinewWriter& Writer, const FString& Value);
	/** One Unicode character. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool WriteChar(UPARAM(ref) FSinewWriter& Writer, int32 CodePoint);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteBytes(UPARAM(ref) FSinewWriter& Writer, const TArray<uint8>& Value);
	/** The bytes alone, without their number. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteRaw(UPARAM(ref) FSinewWriter& Writer, const TArray<uint8>& Value);
	/** An option without a value. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteNone(UPARAM(ref) FSinewWriter& Writer);
	/** An option; write its value next. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static void WriteSome(UPARAM(ref) FSinewWriter& Writer);
	/** How many elements follow. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool WriteLen(UPARAM(ref) FSinewWriter& Writer, int32 Count);
	/** The number of an enum's variant; write its fields next. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool WriteVariant(UPARAM(ref) FSinewWriter& Writer, int32 Index);

	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadBool(UPARAM(ref) FSinewReader& Reader, bool& bOutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadU8(UPARAM(ref) FSinewReader& Reader, uint8& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadI8(UPARAM(ref) FSinewReader& Reader, int32& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadU16(UPARAM(ref) FSinewReader& Reader, int32& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadI16(UPARAM(ref) FSinewReader& Reader, int32& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadU32(UPARAM(ref) FSinewReader& Reader, int64& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadI32(UPARAM(ref) FSinewReader& Reader, int32& OutValue);
	/** Numbers from 2^63 come out negative: the same 64 bits. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadU64(UPARAM(ref) FSinewReader& Reader, int64& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadI64(UPARAM(ref) FSinewReader& Reader, int64& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadF32(UPARAM(ref) FSinewReader& Reader, float& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadF64(UPARAM(ref) FSinewReader& Reader, double& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadString(UPARAM(ref) FSinewReader& Reader, FString& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadChar(UPARAM(ref) FSinewReader& Reader, int32& OutCodePoint);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadBytes(UPARAM(ref) FSinewReader& Reader, TArray<uint8>& OutValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadRaw(UPARAM(ref) FSinewReader& Reader, int32 Count, TArray<uint8>& OutValue);
	/** Whether the option has a value: if so, read it next. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadOption(UPARAM(ref) FSinewReader& Reader, bool& bOutHasValue);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadLen(UPARAM(ref) FSinewReader& Reader, int32& OutCount);
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool ReadVariant(UPARAM(ref) FSinewReader& Reader, int64& OutIndex);
	/** Everything has been read: false if bytes are left. */
	UFUNCTION(BlueprintCallable, Category = "Sinew|Messages")
	static bool FinishReading(UPARAM(ref) FSinewReader& Reader);

	/** What the last read that failed stumbled over; empty if none did. */
	UFUNCTION(BlueprintPure, Category = "Sinew|Messages")
	static const FString& GetError(const FSinewReader& Reader) { return Reader.GetError(); }
};
