#pragma once

#define UCLASS(...)
#define USTRUCT(...)
#define UENUM(...)
#define UFUNCTION(...)
#define UPROPERTY(...)
#define UPARAM(...)

/* As the real header tool does it: each GENERATED_BODY is a macro of its file and line, which the generated header defines. */
#define STUB_BODY_INNER(A, B, C, D) A##B##C##D
#define STUB_BODY(A, B, C, D) STUB_BODY_INNER(A, B, C, D)
#define GENERATED_BODY(...) STUB_BODY(CURRENT_FILE_ID, _, __LINE__, _GENERATED_BODY)
