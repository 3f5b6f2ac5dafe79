// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "SinewConvert.h"
#include "SinewMessages.h"

namespace
{
	/** How many bytes the UTF-8 character at the start of Bytes has, and which it is; 0 if there is none: cut, overlong, a surrogate, too large. */
	int32 FirstCharacter(TConstArrayView<uint8> Bytes, uint32& OutPoint)
	{
		if (Bytes.Num() == 0)
		{
			return 0;
		}
		const uint8 First = Bytes[0];
		const int32 Length = First < 0x80 ? 1 : First < 0xc2 ? 0 : First < 0xe0 ? 2 : First < 0xf0 ? 3 : First < 0xf5 ? 4 : 0;
		if (Length == 0 || Length > Bytes.Num())
		{
			return 0;
		}
		uint32 Point = Length == 1 ? First : First & 0x7fu >> Length;
		for (int32 Index = 1; Index < Length; ++Index)
		{
			if ((Bytes[Index] & 0xc0) != 0x80)
			{
				return 0;
			}
			Point = Point << 6 | (Bytes[Index] & 0x3fu);
		}
		const bool bOverlong = (Length == 3 && Point < 0x800) || (Length == 4 && Point < 0x10000);
		if (bOverlong || Point > 0x10ffff || (Point >= 0xd800 && Point <= 0xdfff))
		{
			return 0;
		}
		OutPoint = Point;
		return Length;
	}

	bool IsUtf8(TConstArrayView<uint8> Bytes)
	{
		uint32 Point = 0;
		for (int32 At = 0; At < Bytes.Num();)
		{
			const int32 Length = FirstCharacter(Bytes.RightChop(At), Point);
			if (Length == 0)
			{
				return false;
			}
			At += Length;
		}
		return true;
	}

	int64 Unfold(uint64 Value)
	{
		return static_cast<int64>(Value >> 1 ^ (~(Value & 1) + 1));
	}
}

FSinewReader FSinewReader::Owning(TArray<uint8> Bytes)
{
	FSinewReader Reader;
	Reader.Owned = MakeShared<TArray<uint8>>(MoveTemp(Bytes));
	Reader.Data = TConstArrayView<uint8>(Reader.Owned->GetData(), Reader.Owned->Num());
	return Reader;
}

bool FSinewReader::Fail(int32 At, FString Why)
{
	ErrorOffset = At;
	Error = FString::Printf(TEXT("the data ends or is malformed at byte %d: %s; read the fields with the types and in the order they were written"), At, *Why);
	return false;
}

bool FSinewReader::Enough(int32 Count, const TCHAR* What)
{
	return Count >= 0 && Count <= Remaining() ? true : Fail(Offset, FString::Printf(TEXT("%s takes %d bytes, but only %d follow"), What, Count, Remaining()));
}

bool FSinewReader::ReadFixed(int32 Count, const TCHAR* What, uint64& OutBits)
{
	if (!Enough(Count, What))
	{
		return false;
	}
	OutBits = 0;
	for (int32 Index = 0; Index < Count; ++Index)
	{
		OutBits |= static_cast<uint64>(Data[Offset + Index]) << 8 * Index;
	}
	Offset += Count;
	return true;
}

bool FSinewReader::ReadNumber(int32 MaxBytes, const TCHAR* What, uint64& OutValue)
{
	if (!Enough(1, What))
	{
		return false;
	}
	const uint8 Marker = Data[Offset];
	if (Marker <= 250)
	{
		OutValue = Marker;
		++Offset;
		return true;
	}
	const int32 Count = Marker == 251 ? 2 : Marker == 252 ? 4 : Marker == 253 ? 8 : 16;
	if (Marker == 255 || Count > MaxBytes)
	{
		return Fail(Offset, FString::Printf(TEXT("%s cannot begin with %d"), What, static_cast<int32>(Marker)));
	}
	if (!Enough(1 + Count, What))
	{
		return false;
	}
	++Offset;
	return ReadFixed(Count, What, OutValue);
}

bool FSinewReader::ReadLength(const TCHAR* What, int32& OutLength)
{
	const int32 Start = Offset;
	uint64 Length = 0;
	if (!ReadNumber(8, What, Length))
	{
		return false;
	}
	// Every element takes a byte at least, so nothing is ever allocated for a length that lies.
	if (Length > static_cast<uint64>(Remaining()))
	{
		const int32 Left = Remaining();
		Offset = Start;
		return Fail(Start, FString::Printf(TEXT("%s of %llu is announced, but only %d bytes follow"), What, static_cast<unsigned long long>(Length), Left));
	}
	OutLength = static_cast<int32>(Length);
	return true;
}

bool FSinewReader::ReadBool(bool& bOutValue)
{
	if (!Enough(1, TEXT("a bool")))
	{
		return false;
	}
	if (Data[Offset] > 1)
	{
		return Fail(Offset, FString::Printf(TEXT("a bool cannot be %d"), static_cast<int32>(Data[Offset])));
	}
	bOutValue = Data[Offset++] == 1;
	return true;
}

bool FSinewReader::ReadU8(uint8& OutValue)
{
	uint64 Bits = 0;
	const bool bRead = ReadFixed(1, TEXT("a u8"), Bits);
	OutValue = bRead ? static_cast<uint8>(Bits) : OutValue;
	return bRead;
}

bool FSinewReader::ReadI8(int8& OutValue)
{
	uint64 Bits = 0;
	const bool bRead = ReadFixed(1, TEXT("an i8"), Bits);
	OutValue = bRead ? static_cast<int8>(Bits) : OutValue;
	return bRead;
}

bool FSinewReader::ReadU16(uint16& OutValue)
{
	uint64 Value = 0;
	const bool bRead = ReadNumber(2, TEXT("a u16"), Value);
	OutValue = bRead ? static_cast<uint16>(Value) : OutValue;
	return bRead;
}

bool FSinewReader::ReadU32(uint32& OutValue)
{
	uint64 Value = 0;
	const bool bRead = ReadNumber(4, TEXT("a u32"), Value);
	OutValue = bRead ? static_cast<uint32>(Value) : OutValue;
	return bRead;
}

bool FSinewReader::ReadU64(uint64& OutValue)
{
	return ReadNumber(8, TEXT("a u64"), OutValue);
}

bool FSinewReader::ReadI16(int16& OutValue)
{
	uint64 Value = 0;
	const bool bRead = ReadNumber(2, TEXT("an i16"), Value);
	OutValue = bRead ? static_cast<int16>(Unfold(Value)) : OutValue;
	return bRead;
}

bool FSinewReader::ReadI32(int32& OutValue)
{
	uint64 Value = 0;
	const bool bRead = ReadNumber(4, TEXT("an i32"), Value);
	OutValue = bRead ? static_cast<int32>(Unfold(Value)) : OutValue;
	return bRead;
}

bool FSinewReader::ReadI64(int64& OutValue)
{
	uint64 Value = 0;
	const bool bRead = ReadNumber(8, TEXT("an i64"), Value);
	OutValue = bRead ? Unfold(Value) : OutValue;
	return bRead;
}

bool FSinewReader::ReadF32(float& OutValue)
{
	uint64 Bits = 0;
	if (!ReadFixed(4, TEXT("an f32"), Bits))
	{
		return false;
	}
	const uint32 Narrow = static_cast<uint32>(Bits);
	FMemory::Memcpy(&OutValue, &Narrow, sizeof(OutValue));
	return true;
}

bool FSinewReader::ReadF64(double& OutValue)
{
	uint64 Bits = 0;
	if (!ReadFixed(8, TEXT("an f64"), Bits))
	{
		return false;
	}
	FMemory::Memcpy(&OutValue, &Bits, sizeof(OutValue));
	return true;
}

bool FSinewReader::ReadChar(uint32& OutCodePoint)
{
	const int32 Length = FirstCharacter(Data.RightChop(Offset), OutCodePoint);
	if (Length == 0)
	{
		return Fail(Offset, TEXT("here is no character in UTF-8"));
	}
	Offset += Length;
	return true;
}

bool FSinewReader::ReadUtf8(TConstArrayView<uint8>& OutValue)
{
	const int32 Start = Offset;
	int32 Length = 0;
	if (!ReadLength(TEXT("a text"), Length))
	{
		return false;
	}
	const TConstArrayView<uint8> Text = Data.Slice(Offset, Length);
	if (!IsUtf8(Text))
	{
		Offset = Start;
		return Fail(Start, TEXT("the text is not UTF-8"));
	}
	Offset += Length;
	OutValue = Text;
	return true;
}

bool FSinewReader::ReadString(FString& OutValue)
{
	TConstArrayView<uint8> Text;
	if (!ReadUtf8(Text))
	{
		return false;
	}
	OutValue = SinewConvert::Text(reinterpret_cast<const char*>(Text.GetData()), static_cast<size_t>(Text.Num()));
	return true;
}

bool FSinewReader::ReadBytes(TConstArrayView<uint8>& OutValue)
{
	int32 Length = 0;
	if (!ReadLength(TEXT("bytes"), Length))
	{
		return false;
	}
	OutValue = Data.Slice(Offset, Length);
	Offset += Length;
	return true;
}

bool FSinewReader::ReadRaw(int32 Count, TConstArrayView<uint8>& OutValue)
{
	if (!Enough(Count, TEXT("raw")))
	{
		return false;
	}
	OutValue = Data.Slice(Offset, Count);
	Offset += Count;
	return true;
}

bool FSinewReader::ReadOption(bool& bOutHasValue)
{
	if (!Enough(1, TEXT("an option")))
	{
		return false;
	}
	if (Data[Offset] > 1)
	{
		return Fail(Offset, FString::Printf(TEXT("an option cannot begin with %d"), static_cast<int32>(Data[Offset])));
	}
	bOutHasValue = Data[Offset++] == 1;
	return true;
}

bool FSinewReader::ReadLen(int32& OutCount)
{
	return ReadLength(TEXT("a sequence"), OutCount);
}

bool FSinewReader::Finish()
{
	return Remaining() == 0 ? true : Fail(Offset, FString::Printf(TEXT("%d bytes are left over"), Remaining()));
}
