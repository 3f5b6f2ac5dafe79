// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0.

#include "Misc/AutomationTest.h"

#if WITH_AUTOMATION_TESTS

#include "Containers/ArrayView.h"
#include "CoreMinimal.h"
#include "SinewMessageLibrary.h"
#include "SinewMessages.h"
#include "SinewTestFlags.h"

BEGIN_DEFINE_SPEC(FSinewMessagesSpec, "Sinew.Messages", SinewTestFlags)
END_DEFINE_SPEC(FSinewMessagesSpec)

void FSinewMessagesSpec::Define()
{
	Describe(TEXT("A writer"), [this]()
	{
		It(TEXT("writes the worked example of docs/messages.md"), [this]()
		{
			FSinewWriter Writer;
			Writer.WriteU64(70000).WriteString(TEXT("K\u00f6ln")).WriteSome().WriteU32(7).WriteLen(2);
			Writer.WriteF32(1.5f).WriteI32(-3).WriteF32(0.0f).WriteI32(300).WriteBool(true);
			const uint8 Expected[] = {0xfc, 0x70, 0x11, 0x01, 0x00, 0x05, 0x4b, 0xc3, 0xb6, 0x6c, 0x6e, 0x01, 0x07, 0x02, 0x00,
				0x00, 0xc0, 0x3f, 0x05, 0x00, 0x00, 0x00, 0x00, 0xfb, 0x58, 0x02, 0x01};
			TestTrue(TEXT("the bytes are the same"), Writer.Bytes == TArray<uint8>(Expected, static_cast<int32>(sizeof(Expected))));
		});
		It(TEXT("refuses numbers that the type does not hold"), [this]()
		{
			FSinewWriter Writer;
			TestFalse(TEXT("65536 as u16"), USinewMessageLibrary::WriteU16(Writer, 65536));
			TestTrue(TEXT("nothing is written"), Writer.Bytes.IsEmpty());
		});
	});

	Describe(TEXT("A reader"), [this]()
	{
		It(TEXT("reads what was written, and nothing is left"), [this]()
		{
			FSinewWriter Writer;
			Writer.WriteI64(-70000).WriteString(TEXT("hello")).WriteNone();
			FSinewReader Reader(Writer.Bytes);
			int64 Number = 0;
			FString Text;
			bool bHas = true;
			TestTrue(TEXT("all is read"), Reader.ReadI64(Number) && Reader.ReadString(Text) && Reader.ReadOption(bHas) && Reader.Finish());
			TestTrue(TEXT("the number"), Number == -70000);
			TestTrue(TEXT("the text"), Text == TEXT("hello"));
			TestFalse(TEXT("the option"), bHas);
		});
		It(TEXT("refuses a length that lies, and stays where it was"), [this]()
		{
			const uint8 Bytes[] = {0xfb, 0x84, 0x03, 0x41};
			FSinewReader Reader(TConstArrayView<uint8>(Bytes, 4));
			FString Text;
			TestFalse(TEXT("it is refused"), Reader.ReadString(Text));
			TestTrue(TEXT("nothing was read"), Reader.GetOffset() == 0);
			TestFalse(TEXT("it says why"), Reader.GetError().IsEmpty());
		});
	});
}

#endif
