/* FSinewWriter and FSinewReader against tests/vectors, which vectors.py has written into lines: the variable VECTORS names the file. */
#include "Scenarios.h"
#include "SinewMessages.h"
#include "Support.h"

#include <fstream>
#include <sstream>

namespace
{
	struct FOp
	{
		std::string Kind, Value;
	};

	std::string FromHex(const std::string& Hex)
	{
		std::string Out;
		for (size_t Index = 0; Index + 1 < Hex.size(); Index += 2)
		{
			Out += static_cast<char>(std::stoi(Hex.substr(Index, 2), nullptr, 16));
		}
		return Out;
	}

	uint32 CodePoint(const std::string& Utf8)
	{
		uint32 Point = 0;
		const TArray<uint8> Encoded = Bytes(Utf8);
		FSinewReader Reader(Encoded);
		CHECK(Reader.ReadChar(Point) && Reader.Finish());
		return Point;
	}

	void Write(FSinewWriter& Writer, const FOp& Op)
	{
		const std::string& V = Op.Value;
		const auto Signed = [&V]() { return std::strtoll(V.c_str(), nullptr, 10); };
		const auto Unsigned = [&V]() { return std::strtoull(V.c_str(), nullptr, 10); };
		const auto Bits = [&V]() { return std::strtoull(V.c_str(), nullptr, 16); };
		if (Op.Kind == "u8") Writer.WriteU8(static_cast<uint8>(Unsigned()));
		else if (Op.Kind == "u16") Writer.WriteU16(static_cast<uint16>(Unsigned()));
		else if (Op.Kind == "u32") Writer.WriteU32(static_cast<uint32>(Unsigned()));
		else if (Op.Kind == "u64") Writer.WriteU64(Unsigned());
		else if (Op.Kind == "i8") Writer.WriteI8(static_cast<int8>(Signed()));
		else if (Op.Kind == "i16") Writer.WriteI16(static_cast<int16>(Signed()));
		else if (Op.Kind == "i32") Writer.WriteI32(static_cast<int32>(Signed()));
		else if (Op.Kind == "i64") Writer.WriteI64(Signed());
		else if (Op.Kind == "f32")
		{
			const uint32 Narrow = static_cast<uint32>(Bits());
			float Real;
			FMemory::Memcpy(&Real, &Narrow, 4);
			Writer.WriteF32(Real);
		}
		else if (Op.Kind == "f64")
		{
			const uint64 Wide = Bits();
			double Real;
			FMemory::Memcpy(&Real, &Wide, 8);
			Writer.WriteF64(Real);
		}
		else if (Op.Kind == "bool") Writer.WriteBool(V == "true");
		else if (Op.Kind == "char") Writer.WriteChar(CodePoint(FromHex(V)));
		else if (Op.Kind == "str") Writer.WriteString(StubWide(FromHex(V)));
		else if (Op.Kind == "bytes") Writer.WriteBytes(Bytes(FromHex(V)));
		else if (Op.Kind == "raw") Writer.WriteRaw(Bytes(FromHex(V)));
		else if (Op.Kind == "none") Writer.WriteNone();
		else if (Op.Kind == "some") Writer.WriteSome();
		else if (Op.Kind == "len") Writer.WriteLen(Unsigned());
		else CHECK(!"an op that is known");
	}

	/** Reads the op, and writes what it was: so it is compared as bytes, in their shortest form. Length: of a raw. */
	bool Read(FSinewReader& Reader, const std::string& Kind, size_t Length, FSinewWriter& Again)
	{
		bool bRead = false;
		TConstArrayView<uint8> View;
		const auto Number = [&](auto Value, auto Reading, auto Writing)
		{
			bRead = (Reader.*Reading)(Value);
			if (bRead)
			{
				(Again.*Writing)(Value);
			}
		};
		if (Kind == "u8") Number(uint8(), &FSinewReader::ReadU8, &FSinewWriter::WriteU8);
		else if (Kind == "u16") Number(uint16(), &FSinewReader::ReadU16, &FSinewWriter::WriteU16);
		else if (Kind == "u32") Number(uint32(), &FSinewReader::ReadU32, &FSinewWriter::WriteU32);
		else if (Kind == "u64") Number(uint64(), &FSinewReader::ReadU64, &FSinewWriter::WriteU64);
		else if (Kind == "i8") Number(int8(), &FSinewReader::ReadI8, &FSinewWriter::WriteI8);
		else if (Kind == "i16") Number(int16(), &FSinewReader::ReadI16, &FSinewWriter::WriteI16);
		else if (Kind == "i32") Number(int32(), &FSinewReader::ReadI32, &FSinewWriter::WriteI32);
		else if (Kind == "i64") Number(int64(), &FSinewReader::ReadI64, &FSinewWriter::WriteI64);
		else if (Kind == "f32") Number(float(), &FSinewReader::ReadF32, &FSinewWriter::WriteF32);
		else if (Kind == "f64") Number(double(), &FSinewReader::ReadF64, &FSinewWriter::WriteF64);
		else if (Kind == "bool") Number(bool(), &FSinewReader::ReadBool, &FSinewWriter::WriteBool);
		else if (Kind == "char") Number(uint32(), &FSinewReader::ReadChar, &FSinewWriter::WriteChar);
		else if (Kind == "str")
		{
			// Both ways of reading text, and both of writing it, must agree.
			FSinewReader Same = Reader;
			TConstArrayView<uint8> Utf8;
			FString Value;
			bRead = Reader.ReadString(Value);
			CHECK(Same.ReadUtf8(Utf8) == bRead && (!bRead || Text(Utf8) == StubNarrow(Value)));
			if (bRead)
			{
				Again.WriteString(Value);
			}
		}
		else if (Kind == "bytes" || Kind == "raw")
		{
			bRead = Kind == "bytes" ? Reader.ReadBytes(View) : Reader.ReadRaw(static_cast<int32>(Length), View);
			Kind == "bytes" ? Again.WriteBytes(View) : Again.WriteRaw(View);
		}
		else if (Kind == "none" || Kind == "some")
		{
			bool bHas = Kind == "none";
			bRead = Reader.ReadOption(bHas);
			Again.WriteU8(bHas ? 1 : 0);
		}
		else if (Kind == "len")
		{
			int32 Count = 0;
			bRead = Reader.ReadLen(Count);
			Again.WriteLen(static_cast<uint64>(Count));
		}
		else if (Kind == "finish")
		{
			bRead = Reader.Finish();
		}
		else
		{
			CHECK(!"an op that is known");
		}
		return bRead;
	}
}

void Vectors()
{
	std::ifstream File(Variable("VECTORS"));
	std::string Line, Name;
	std::vector<FOp> Ops;
	int Passed = 0;
	while (std::getline(File, Line))
	{
		std::istringstream Words(Line);
		std::string Word;
		Words >> Word;
		if (Word == "vector")
		{
			Name = Line.substr(7);
			Ops.clear();
		}
		else if (Word == "op")
		{
			FOp Op;
			Words >> Op.Kind >> Op.Value;
			Ops.push_back(Op);
		}
		else
		{
			// written HEX, readable HEX, rejected HEX KIND OFFSET LENGTH
			std::string Hex, Fails;
			int32 Offset = 0;
			size_t Length = 0;
			Words >> Hex >> Fails >> Offset >> Length;
			Hex = Hex == "-" ? "" : Hex;
			const TArray<uint8> Payload = Bytes(FromHex(Hex));
			FSinewWriter Written, Again;
			for (const FOp& Op : Ops)
			{
				Write(Written, Op);
			}
			FSinewReader Reader = Ops.size() % 2 == 0 ? FSinewReader(Payload) : FSinewReader::Owning(Payload);
			bool bHolds = Word != "written" || Written.Bytes == Payload;
			for (const FOp& Op : Ops)
			{
				bHolds = bHolds && Read(Reader, Op.Kind, Op.Value.size() / 2, Again);
			}
			bHolds = bHolds && Again.Bytes == Written.Bytes;
			if (Word == "rejected")
			{
				const int32 Before = Reader.GetOffset();
				bHolds = bHolds && !Read(Reader, Fails, Length, Again) && Reader.GetErrorOffset() == Offset && Reader.GetOffset() == Before;
				bHolds = bHolds && Reader.GetError().Contains(StubWide("at byte " + std::to_string(Offset) + ":"));
			}
			else
			{
				bHolds = bHolds && Reader.Finish() && Reader.GetErrorOffset() == -1;
			}
			if (!bHolds)
			{
				std::fprintf(stderr, "vector `%s` (%s %s): %s\n", Name.c_str(), Word.c_str(), Hex.c_str(), StubNarrow(Reader.GetError()).c_str());
				std::exit(1);
			}
			++Passed;
		}
	}
	std::printf("%d vectors\n", Passed);
	CHECK(Passed > 150);
}
