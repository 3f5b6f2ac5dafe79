#pragma once
/* -DSTUB_OLD_ENGINE: 5.4, else 5.6. */
#ifdef STUB_OLD_ENGINE
#define STUB_ENGINE_MINOR 4
#else
#define STUB_ENGINE_MINOR 6
#endif
#define UE_VERSION_OLDER_THAN(Major, Minor, Patch) (5 < (Major) || (5 == (Major) && STUB_ENGINE_MINOR < (Minor)))
