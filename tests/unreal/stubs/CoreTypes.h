/* Stand-ins for what the plugin uses of Unreal: written for these tests, from the public documentation, with nothing of Epic's. ../README.md */
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

typedef std::int8_t int8;
typedef std::int16_t int16;
typedef std::int32_t int32;
/* As in Unreal: `long long`, which is not what std::int64_t is here. */
typedef long long int64;
typedef std::uint8_t uint8;
typedef std::uint16_t uint16;
typedef std::uint32_t uint32;
typedef unsigned long long uint64;
typedef char ANSICHAR;

/* Linux and Mac have char16_t, Windows wchar_t. */
#ifdef STUB_WIDE
typedef wchar_t TCHAR;
#define TEXT_PASTE(Literal) L##Literal
#else
typedef char16_t TCHAR;
#define TEXT_PASTE(Literal) u##Literal
#endif
#define TEXT(Literal) TEXT_PASTE(Literal)

#define MAX_uint32 (static_cast<uint32>(0xffffffff))
#define PLATFORM_WINDOWS 0
#define PLATFORM_MAC 0
#define PLATFORM_LINUX 1
#ifdef __aarch64__
#define PLATFORM_CPU_ARM_FAMILY 1
#else
#define PLATFORM_CPU_ARM_FAMILY 0
#endif
#define THIRD_PARTY_INCLUDES_START
#define THIRD_PARTY_INCLUDES_END

#define check(Condition) \
	do \
	{ \
		if (!(Condition)) \
		{ \
			std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #Condition); \
			std::abort(); \
		} \
	} while (false)
