// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#pragma once

#include "Containers/ArrayView.h"
#include "CoreMinimal.h"
#include "Templates/SharedPointer.h"

#include "SinewMessages.generated.h"

/**
 * Fills a payload, field by field, in the encoding of docs/messages.md: what a server in any language reads with the same types in the same order.
 * (128-bit integers, which Unreal does not have, cannot be written.) In Blueprints: the nodes Write … of the category Sinew.
 */
USTRUCT(BlueprintType)
struct SINEW_API FSinewWriter
{
	GENERATED_BODY()

	/** What has been written: the payload of a message. */
	UPROPERTY(BlueprintReadOnly, Category = "Sinew|Messages")
	TArray<uint8> Bytes;

	FSinewWriter& WriteBool(bool bValue);
	FSinewWriter& WriteU8(uint8 Value);
	FSinewWriter& WriteU16(uint16 Value);
	FSinewWriter& WriteU32(uint32 Value);
	FSinewWriter& WriteU64(uint64 Value);
	FSinewWriter& WriteI8(int8 Value);
	FSinewWriter& WriteI16(int16 Value);
	FSinewWriter& WriteI32(int32 Value);
	FSinewWriter& WriteI64(int64 Value);
	FSinewWriter& WriteF32(float Value);
	FSinewWriter& WriteF64(double Value);
	/** One Unicode character. Surrogates and numbers over U+10FFFF, which are none, become U+FFFD. */
	FSinewWriter& WriteChar(uint32 CodePoint);
	FSinewWriter& WriteString(const FString& Value);
	/** Text that is UTF-8 already; it is the caller who knows that. */
	FSinewWriter& WriteUtf8(TConstArrayView<uint8> Value);
	FSinewWriter& WriteBytes(TConstArrayView<uint8> Value);
	/** The bytes alone, without their number: the reader must know it. */
	FSinewWriter& WriteRaw(TConstArrayView<uint8> Value);
	/** An option without a value. */
	FSinewWriter& WriteNone() { return WriteU8(0); }
	/** An option; write its value next. */
	FSinewWriter& WriteSome() { return WriteU8(1); }
	/** How many elements, or entries of a map, follow. */
	FSinewWriter& WriteLen(uint64 Count) { return WriteU64(Count); }
	/** The number of an enum's variant; write its fields next. */
	FSinewWriter& WriteVariant(uint32 Index) { return WriteU32(Index); }
};

/**
 * Takes a payload apart, with the types and in the order in which it was written. A read that fails answers false, leaves the reader and the out
 * parameter as they were, and says why in GetError. What comes from other servers can neither crash it nor make it allocate much.
 */
USTRUCT(BlueprintType)
struct SINEW_API FSinewReader
{
	GENERATED_BODY()

	FSinewReader() = default;

	/** Reads where the bytes are: they must outlive the reader. */
	explicit FSinewReader(TConstArrayView<uint8> View) : Data(View) {}

	/** Reads a copy of its own, which the copies of the reader share. */
	static FSinewReader Owning(TArray<uint8> Bytes);

	bool ReadBool(bool& bOutValue);
	bool ReadU8(uint8& OutValue);
	bool ReadU16(uint16& OutValue);
	bool ReadU32(uint32& OutValue);
	bool ReadU64(uint64& OutValue);
	bool ReadI8(int8& OutValue);
	bool ReadI16(int16& OutValue);
	bool ReadI32(int32& OutValue);
	bool ReadI64(int64& OutValue);
	bool ReadF32(float& OutValue);
	bool ReadF64(double& OutValue);
	/** One Unicode character, 0 to U+10FFFF. */
	bool ReadChar(uint32& OutCodePoint);
	bool ReadString(FString& OutValue);
	/** Text as the UTF-8 that it is, in the payload's own memory. */
	bool ReadUtf8(TConstArrayView<uint8>& OutValue);
	/** Bytes in the payload's own memory. */
	bool ReadBytes(TConstArrayView<uint8>& OutValue);
	/** As many bytes as were written by WriteRaw, in the payload's own memory. */
	bool ReadRaw(int32 Count, TConstArrayView<uint8>& OutValue);
	/** Whether the option has a value: if so, read it next. */
	bool ReadOption(bool& bOutHasValue);
	/** How many elements follow: never more than there are bytes. */
	bool ReadLen(int32& OutCount);
	bool ReadVariant(uint32& OutIndex) { return ReadU32(OutIndex); }
	/** Everything has been read: false if bytes are left. Call it: it finds most disagreements about the fields. */
	bool Finish();

	/** Bytes read so far. */
	int32 GetOffset() const { return Offset; }
	/** Bytes left. */
	int32 Remaining() const { return Data.Num() - Offset; }
	/** What the last read that failed stumbled over; empty if none did. */
	const FString& GetError() const { return Error; }
	/** Where the value begins that could not be read, counted from the start; -1 if all could. */
	int32 GetErrorOffset() const { return ErrorOffset; }

private:
	bool Fail(int32 At, FString Why);
	bool Enough(int32 Count, const TCHAR* What);
	/** A number whose shortest form has at most MaxBytes bytes behind its marker. */
	bool ReadNumber(int32 MaxBytes, const TCHAR* What, uint64& OutValue);
	bool ReadLength(const TCHAR* What, int32& OutLength);
	bool ReadFixed(int32 Count, const TCHAR* What, uint64& OutBits);

	TSharedPtr<TArray<uint8>> Owned;
	TConstArrayView<uint8> Data;
	int32 Offset = 0;
	int32 ErrorOffset = -1;
	FString Error;
};
