"""The lint rejects what it must: one good header, and one wrong turn of it at a time.

    lint_test.py FOLDER PLUGIN_FOLDER SINEW_H
"""

import os
import sys

import lint as rules

GOOD = f"""{rules.COPYRIGHT}

#pragma once

#include "CoreMinimal.h"

#include "Sample.generated.h"

class USample;

DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FSampleSignature, USample*, Sample, const FString&, Text);
DECLARE_MULTICAST_DELEGATE_OneParam(FSampleNative, USample&);

UENUM(BlueprintType)
enum class ESample : uint8
{{
	None,
	Some
}};

USTRUCT(BlueprintType)
struct SINEW_API FSample
{{
	GENERATED_BODY()

	UPROPERTY(BlueprintReadWrite, Category = "Sample")
	bool bGood = true;
}};

UCLASS()
class SINEW_API USample : public UObject
{{
	GENERATED_BODY()

public:
	UFUNCTION(BlueprintCallable, Category = "Sample")
	bool Ask(int64 Id, const TArray<uint8>& Payload, ESample& OutWhich, USample* Other, int32 Tag = 3);

	UFUNCTION(BlueprintNativeEvent, Category = "Sample")
	void Happen(const FSample& What);
	virtual void Happen_Implementation(const FSample& What);

	UPROPERTY(BlueprintAssignable, Category = "Sample")
	FSampleSignature OnHappened;

private:
	UPROPERTY(Transient)
	TMap<int64, TObjectPtr<USample>> Others;
}};
"""

# What is changed, to what, and what the lint must say of it.
BAD = [
    ("int64 Id", "uint64 Id", "cannot hold uint64"),
    ("int64 Id", "uint16 Id", "cannot hold uint16"),
    ("int64 Id", "TConstArrayView<uint8> Id", "cannot hold TConstArrayView<uint8>"),
    ("int64 Id", "TFunction<void()> Id", "cannot hold TFunction<void()>"),
    ("USample* Other", "TObjectPtr<USample> Other", "TObjectPtr is for properties"),
    ("USample* Other", "UStranger* Other", "cannot hold UStranger*"),
    ("int32 Tag = 3", "int32 Others = 3", "has the name of a property"),
    ("const TArray<uint8>& Payload", "const TArray<TArray<uint8>>& Payload", "cannot hold const TArray<TArray<uint8>>&"),
    ('UFUNCTION(BlueprintCallable, Category = "Sample")', "UFUNCTION(BlueprintCallable)", "Ask has no Category"),
    ('UPROPERTY(BlueprintAssignable, Category = "Sample")', "UPROPERTY(BlueprintAssignable)", "OnHappened has no Category"),
    ("FSampleSignature OnHappened", "FSampleNative OnHappened", "is no dynamic delegate"),
    ("bool Ask(", "bool SendMessage(", "windows.h makes a macro of SendMessage"),
    ("\tvirtual void Happen_Implementation(const FSample& What);\n", "", "without a Happen_Implementation"),
    ("USample*, Sample, const FString&, Text);", "USample*, const FString&);", "each as `Type, Name`"),
    ("_TwoParams(FSampleSignature", "_OneParam(FSampleSignature", "each as `Type, Name`"),
    ("const FString&, Text);", "FString&, Text);", "cannot be given FString&"),
    ("const FString&, Text);", "uint32, Text);", "cannot be given uint32"),
    ("_OneParam(FSampleNative, USample&)", "_TwoParams(FSampleNative, USample&)", "takes 2 types"),
    (": uint8", ": int32", "must be of uint8"),
    ("enum class ESample : uint8", "enum class Sample : uint8", "must begin with E"),
    ("\tNone,", "\tNone = 1,", "an entry that is 0"),
    ("\tbool bGood = true;", "\tbool Good = true;", "its name begins with b"),
    ("\tbool bGood = true;", "\tuint32 Good = 1;", "cannot be a UPROPERTY"),
    ("USTRUCT(BlueprintType)\n", "USTRUCT()\n", "cannot hold const FSample&"),
    ("struct SINEW_API FSample", "struct FSample", "is not exported"),
    ("TObjectPtr<USample>> Others", "USample*> Others", "cannot be a UPROPERTY"),
    ("\tUPROPERTY(Transient)\n", "", "the garbage collector does not see it"),
    ("\tUPROPERTY(Transient)\n\tTMap<int64, TObjectPtr<USample>> Others;", '\tUPROPERTY(BlueprintReadOnly, Category = "Sample")\n\tint32 Others;', "a Blueprint cannot read it"),
    ("\n\tGENERATED_BODY()\n\npublic", "\npublic", "has no GENERATED_BODY()"),
    ('#include "CoreMinimal.h"\n\n#include "Sample.generated.h"', '#include "Sample.generated.h"\n\n#include "CoreMinimal.h"', "the last include must be Sample.generated.h"),
    ("Sample.generated.h", "Example.generated.h", "the last include must be Sample.generated.h"),
    ("UCLASS()", "#if WITH_EDITOR\n#endif\n#if 1\nUCLASS()", "what stands in an #if"),
    ("UENUM(BlueprintType)", "namespace Sample\n{\nUENUM(BlueprintType)", "cannot stand in a namespace"),
]

# The same for whole files.
BAD_SOURCES = [
    ("// by nobody\n", "the first line is not the copyright"),
    (rules.COPYRIGHT + "\n    int a;\n", "indented by spaces"),
    (rules.COPYRIGHT + "\nint a; \n", "ends in spaces"),
    (rules.COPYRIGHT + '\nUE_LOG(LogTemp, Log, TEXT("a"));\n', "LogTemp"),
    (rules.COPYRIGHT + "\nstd::string a;\n", "not std"),
    (rules.COPYRIGHT + "\nvoid f() { try { g(); } catch (...) {} }\n", "exceptions"),
    (rules.COPYRIGHT + "\nX.AddDynamic(this, &USample::NotThere);\n", "must be a UFUNCTION"),
    (rules.COPYRIGHT + '\n#include "sinew.h"\n', "THIRD_PARTY_INCLUDES_START"),
]


def of_header(path, text):
    lint = rules.Lint()
    lint.header(*lint.read(path, text))
    return lint.broken


# What a newer sinew.h may hold that the plugin does not know.
NEWER = [
    ("\nvoid sinew_novel(void);\n", "sinew_novel of sinew.h is used nowhere"),
    ("\nvoid sinew_novel(void);\n", "is not the functions of sinew.h"),
    ("\n#define SINEW_EVENT_NOVEL 99\n#define SINEW_NO 1 \n", "is not include/sinew.h"),
    ("\n#define SINEW_EVENT_NOVEL 99 \n", "SINEW_EVENT_NOVEL of sinew.h is handled nowhere"),
    ("\n#define SINEW_RESULT_NOVEL 99 \n", "SINEW_RESULT_NOVEL of sinew.h is handled nowhere"),
]


def main(folder, plugin, header):
    path = os.path.join(folder, "Sample.h")
    wrong = [f"the good header is refused: {sentence}" for sentence in of_header(path, GOOD)]
    for old, new, expected in BAD:
        text = GOOD.replace(old, new)
        if "namespace" in new:
            text += "}\n"
        if new.startswith("#if"):
            text += "#endif\n"
        told = of_header(path, text) if text != GOOD else []
        if not any(expected in sentence for sentence in told):
            wrong.append(f"{new!r} instead of {old!r}: {expected!r} is not said, but {told}")
    for text, expected in BAD_SOURCES:
        lint = rules.Lint()
        lint.source("sample.cpp", text, {"USample": {"Ask"}})
        if not any(expected in sentence for sentence in lint.broken):
            wrong.append(f"{text!r}: {expected!r} is not said, but {lint.broken}")
    for more, expected in NEWER:
        lint = rules.Lint()
        rules.contract(lint, plugin, open(header, encoding="utf-8").read() + more)
        if not any(expected in sentence for sentence in lint.broken):
            wrong.append(f"with {more!r}: {expected!r} is not said, but {lint.broken}")
    print("\n".join(wrong) or f"{len(BAD) + len(BAD_SOURCES) + len(NEWER)} wrong turns are refused")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
