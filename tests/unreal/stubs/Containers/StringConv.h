#pragma once
#include "Containers/UnrealString.h"
#include <string>

class FTCHARToUTF8
{
public:
	FTCHARToUTF8(const TCHAR* From, int32 Length);
	const ANSICHAR* Get() const { return Text.c_str(); }
	int32 Length() const { return static_cast<int32>(Text.size()); }

private:
	std::string Text;
};

class FUTF8ToTCHAR
{
public:
	FUTF8ToTCHAR(const ANSICHAR* From, int32 Length);
	const TCHAR* Get() const { return Text.c_str(); }
	int32 Length() const { return static_cast<int32>(Text.size()); }

private:
	std::basic_string<TCHAR> Text;
};

#define UTF8_TO_TCHAR(Text) (FUTF8ToTCHAR(Text, static_cast<int32>(std::char_traits<char>::length(Text))).Get())
