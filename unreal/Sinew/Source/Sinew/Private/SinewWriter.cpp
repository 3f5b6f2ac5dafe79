// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewConvert.h"
#include "SinewMessages.h"

namespace
{
	void AppendLittleEndian(TArray<uint8>& Bytes, uint64 Value, int32 Count)
	{
		for (int32 Index = 0; Index < Count; ++Index)
		{
			Bytes.Add(static_cast<uint8>(Value >> 8 * Index));
		}
	}

	/** 0, -1, 1, -2, 2 … become 0, 1, 2, 3, 4 …: numbers close to zero stay short on both sides of it. */
	uint64 Fold(int64 Value)
	{
		return static_cast<uint64>(Value) << 1 ^ (Value < 0 ? ~static_cast<uint64>(0) : 0);
	}
}

FSinewWriter& FSinewWriter::WriteBool(bool bValue)
{
	return WriteU8(bValue ? 1 : 0);
}

FSinewWriter& FSinewWriter::WriteU8(uint8 Value)
{
	Bytes.Add(Value);
	return *this;
}

FSinewWriter& FSinewWriter::WriteU16(uint16 Value)
{
	return WriteU64(Value);
}

FSinewWriter& FSinewWriter::WriteU32(uint32 Value)
{
	return WriteU64(Value);
}

FSinewWriter& FSinewWriter::WriteU64(uint64 Value)
{
	if (Value <= 250)
	{
		Bytes.Add(static_cast<uint8>(Value));
	}
	else if (Value <= 0xffff)
	{
		Bytes.Add(251);
		AppendLittleEndian(Bytes, Value, 2);
	}
	else if (Value <= 0xffffffff)
	{
		Bytes.Add(252);
		AppendLittleEndian(Bytes, Value, 4);
	}
	else
	{
		Bytes.Add(253);
		AppendLittleEndian(Bytes, Value, 8);
	}
	return *this;
}

FSinewWriter& FSinewWriter::WriteI8(int8 Value)
{
	return WriteU8(static_cast<uint8>(Value));
}

FSinewWriter& FSinewWriter::WriteI16(int16 Value)
{
	return WriteU64(Fold(Value));
}

FSinewWriter& FSinewWriter::WriteI32(int32 Value)
{
	return WriteU64(Fold(Value));
}

FSinewWriter& FSinewWriter::WriteI64(int64 Value)
{
	return WriteU64(Fold(Value));
}

FSinewWriter& FSinewWriter::WriteF32(float Value)
{
	uint32 Bits;
	FMemory::Memcpy(&Bits, &Value, sizeof(Bits));
	AppendLittleEndian(Bytes, Bits, 4);
	return *this;
}

FSinewWriter& FSinewWriter::WriteF64(double Value)
{
	uint64 Bits;
	FMemory::Memcpy(&Bits, &Value, sizeof(Bits));
	AppendLittleEndian(Bytes, Bits, 8);
	return *this;
}

FSinewWriter& FSinewWriter::WriteChar(uint32 CodePoint)
{
	const bool bNone = CodePoint > 0x10ffff || (CodePoint >= 0xd800 && CodePoint <= 0xdfff);
	const uint32 Point = bNone ? 0xfffd : CodePoint;
	if (Point < 0x80)
	{
		Bytes.Add(static_cast<uint8>(Point));
		return *this;
	}
	const int32 Following = Point < 0x800 ? 1 : Point < 0x10000 ? 2 : 3;
	const uint32 First = Following == 1 ? 0xc0 : Following == 2 ? 0xe0 : 0xf0;
	Bytes.Add(static_cast<uint8>(First | Point >> 6 * Following));
	for (int32 Index = Following - 1; Index >= 0; --Index)
	{
		Bytes.Add(static_cast<uint8>(0x80 | (Point >> 6 * Index & 0x3f)));
	}
	return *this;
}

FSinewWriter& FSinewWriter::WriteString(const FString& Value)
{
	const FSinewUtf8 Text(Value);
	return WriteUtf8(TConstArrayView<uint8>(reinterpret_cast<const uint8*>(Text.Get()), static_cast<int32>(Text.Num())));
}

FSinewWriter& FSinewWriter::WriteUtf8(TConstArrayView<uint8> Value)
{
	return WriteBytes(Value);
}

FSinewWriter& FSinewWriter::WriteBytes(TConstArrayView<uint8> Value)
{
	WriteLen(static_cast<uint64>(Value.Num()));
	return WriteRaw(Value);
}

FSinewWriter& FSinewWriter::WriteRaw(TConstArrayView<uint8> Value)
{
	Bytes.Append(Value.GetData(), Value.Num());
	return *this;
}
