// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewMessageLibrary.h"

void USinewMessageLibrary::WriteBool(FSinewWriter& Writer, bool bValue)
{
	Writer.WriteBool(bValue);
}

void USinewMessageLibrary::WriteU8(FSinewWriter& Writer, uint8 Value)
{
	Writer.WriteU8(Value);
}

bool USinewMessageLibrary::WriteI8(FSinewWriter& Writer, int32 Value)
{
	if (Value < -128 || Value > 127)
	{
		return false;
	}
	Writer.WriteI8(static_cast<int8>(Value));
	return true;
}

bool USinewMessageLibrary::WriteU16(FSinewWriter& Writer, int32 Value)
{
	if (Value < 0 || Value > 65535)
	{
		return false;
	}
	Writer.WriteU16(static_cast<uint16>(Value));
	return true;
}

bool USinewMessageLibrary::WriteI16(FSinewWriter& Writer, int32 Value)
{
	if (Value < -32768 || Value > 32767)
	{
		return false;
	}
	Writer.WriteI16(static_cast<int16>(Value));
	return true;
}

bool USinewMessageLibrary::WriteU32(FSinewWriter& Writer, int64 Value)
{
	if (Value < 0 || Value > 4294967295)
	{
		return false;
	}
	Writer.WriteU32(static_cast<uint32>(Value));
	return true;
}

void USinewMessageLibrary::WriteI32(FSinewWriter& Writer, int32 Value)
{
	Writer.WriteI32(Value);
}

bool USinewMessageLibrary::WriteU64(FSinewWriter& Writer, int64 Value)
{
	if (Value < 0)
	{
		return false;
	}
	Writer.WriteU64(static_cast<uint64>(Value));
	return true;
}

void USinewMessageLibrary::WriteI64(FSinewWriter& Writer, int64 Value)
{
	Writer.WriteI64(Value);
}

void USinewMessageLibrary::WriteF32(FSinewWriter& Writer, float Value)
{
	Writer.WriteF32(Value);
}

void USinewMessageLibrary::WriteF64(FSinewWriter& Writer, double Value)
{
	Writer.WriteF64(Value);
}

void USinewMessageLibrary::WriteString(FSinewWriter& Writer, const FString& Value)
{
	Writer.WriteString(Value);
}

bool USinewMessageLibrary::WriteChar(FSinewWriter& Writer, int32 CodePoint)
{
	if (CodePoint < 0 || CodePoint > 0x10ffff || (CodePoint >= 0xd800 && CodePoint <= 0xdfff))
	{
		return false;
	}
	Writer.WriteChar(static_cast<uint32>(CodePoint));
	return true;
}

void USinewMessageLibrary::WriteBytes(FSinewWriter& Writer, const TArray<uint8>& Value)
{
	Writer.WriteBytes(Value);
}

void USinewMessageLibrary::WriteRaw(FSinewWriter& Writer, const TArray<uint8>& Value)
{
	Writer.WriteRaw(Value);
}

void USinewMessageLibrary::WriteNone(FSinewWriter& Writer)
{
	Writer.WriteNone();
}

void USinewMessageLibrary::WriteSome(FSinewWriter& Writer)
{
	Writer.WriteSome();
}

bool USinewMessageLibrary::WriteLen(FSinewWriter& Writer, int32 Count)
{
	if (Count < 0)
	{
		return false;
	}
	Writer.WriteLen(static_cast<uint64>(Count));
	return true;
}

bool USinewMessageLibrary::WriteVariant(FSinewWriter& Writer, int32 Index)
{
	if (Index < 0)
	{
		return false;
	}
	Writer.WriteVariant(static_cast<uint32>(Index));
	return true;
}

bool USinewMessageLibrary::ReadBool(FSinewReader& Reader, bool& bOutValue)
{
	return Reader.ReadBool(bOutValue);
}

bool USinewMessageLibrary::ReadU8(FSinewReader& Reader, uint8& OutValue)
{
	return Reader.ReadU8(OutValue);
}

bool USinewMessageLibrary::ReadI8(FSinewReader& Reader, int32& OutValue)
{
	int8 Read = 0;
	if (!Reader.ReadI8(Read))
	{
		return false;
	}
	OutValue = static_cast<int32>(Read);
	return true;
}

bool USinewMessageLibrary::ReadU16(FSinewReader& Reader, int32& OutValue)
{
	uint16 Read = 0;
	if (!Reader.ReadU16(Read))
	{
		return false;
	}
	OutValue = static_cast<int32>(Read);
	return true;
}

bool USinewMessageLibrary::ReadI16(FSinewReader& Reader, int32& OutValue)
{
	int16 Read = 0;
	if (!Reader.ReadI16(Read))
	{
		return false;
	}
	OutValue = static_cast<int32>(Read);
	return true;
}

bool USinewMessageLibrary::ReadU32(FSinewReader& Reader, int64& OutValue)
{
	uint32 Read = 0;
	if (!Reader.ReadU32(Read))
	{
		return false;
	}
	OutValue = static_cast<int64>(Read);
	return true;
}

bool USinewMessageLibrary::ReadI32(FSinewReader& Reader, int32& OutValue)
{
	return Reader.ReadI32(OutValue);
}

bool USinewMessageLibrary::ReadU64(FSinewReader& Reader, int64& OutValue)
{
	uint64 Read = 0;
	if (!Reader.ReadU64(Read))
	{
		return false;
	}
	OutValue = static_cast<int64>(Read);
	return true;
}

bool USinewMessageLibrary::ReadI64(FSinewReader& Reader, int64& OutValue)
{
	return Reader.ReadI64(OutValue);
}

bool USinewMessageLibrary::ReadF32(FSinewReader& Reader, float& OutValue)
{
	return Reader.ReadF32(OutValue);
}

bool USinewMessageLibrary::ReadF64(FSinewReader& Reader, double& OutValue)
{
	return Reader.ReadF64(OutValue);
}

bool USinewMessageLibrary::ReadString(FSinewReader& Reader, FString& OutValue)
{
	return Reader.ReadString(OutValue);
}

bool USinewMessageLibrary::ReadChar(FSinewReader& Reader, int32& OutCodePoint)
{
	uint32 Read = 0;
	if (!Reader.ReadChar(Read))
	{
		return false;
	}
	OutCodePoint = static_cast<int32>(Read);
	return true;
}

bool USinewMessageLibrary::ReadBytes(FSinewReader& Reader, TArray<uint8>& OutValue)
{
	TConstArrayView<uint8> Read;
	if (!Reader.ReadBytes(Read))
	{
		return false;
	}
	OutValue.Reset();
	OutValue.Append(Read.GetData(), Read.Num());
	return true;
}

bool USinewMessageLibrary::ReadRaw(FSinewReader& Reader, int32 Count, TArray<uint8>& OutValue)
{
	TConstArrayView<uint8> Read;
	if (!Reader.ReadRaw(Count, Read))
	{
		return false;
	}
	OutValue.Reset();
	OutValue.Append(Read.GetData(), Read.Num());
	return true;
}

bool USinewMessageLibrary::ReadOption(FSinewReader& Reader, bool& bOutHasValue)
{
	return Reader.ReadOption(bOutHasValue);
}

bool USinewMessageLibrary::ReadLen(FSinewReader& Reader, int32& OutCount)
{
	return Reader.ReadLen(OutCount);
}

bool USinewMessageLibrary::ReadVariant(FSinewReader& Reader, int64& OutIndex)
{
	uint32 Read = 0;
	if (!Reader.ReadVariant(Read))
	{
		return false;
	}
	OutIndex = static_cast<int64>(Read);
	return true;
}

bool USinewMessageLibrary::FinishReading(FSinewReader& Reader)
{
	return Reader.Finish();
}
