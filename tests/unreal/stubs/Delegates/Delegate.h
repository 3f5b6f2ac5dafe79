#pragma once
#include "CoreTypes.h"
#include "UObject/WeakObjectPtrTemplates.h"
#include <functional>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

struct FDelegateHandle
{
	uint64 Id = 0;
	bool IsValid() const { return Id != 0; }
	void Reset() { Id = 0; }
};

template <typename Signature>
class TDelegate;

template <typename R, typename... P>
class TDelegate<R(P...)>
{
public:
	template <typename T>
	static TDelegate CreateUObject(T* Object, R (T::*Function)(P...))
	{
		TDelegate Out;
		Out.Bound = [Weak = TWeakObjectPtr<T>(Object), Function](P... Values) -> R
		{
			T* const Alive = Weak.Get();
			return Alive != nullptr ? (Alive->*Function)(std::forward<P>(Values)...) : R();
		};
		return Out;
	}
	template <typename F>
	static TDelegate CreateLambda(F&& Function)
	{
		TDelegate Out;
		Out.Bound = std::forward<F>(Function);
		return Out;
	}
	bool IsBound() const { return static_cast<bool>(Bound); }
	R Execute(P... Values) const
	{
		check(IsBound());
		return Bound(std::forward<P>(Values)...);
	}

private:
	std::function<R(P...)> Bound;
};

template <typename Signature>
class TMulticastDelegate;

/** Who is added while it is broadcast waits for the next time; who is removed is not called any more. */
template <typename... P>
class TMulticastDelegate<void(P...)>
{
	struct FEntry
	{
		uint64 Id;
		std::function<void(P...)> Function;
		bool bRemoved = false;
	};

public:
	template <typename F>
	FDelegateHandle AddLambda(F&& Function)
	{
		Entries.push_back(std::make_shared<FEntry>(FEntry{++LastId, std::forward<F>(Function)}));
		return FDelegateHandle{LastId};
	}
	template <typename T>
	FDelegateHandle AddUObject(T* Object, void (T::*Function)(P...))
	{
		return AddLambda([Weak = TWeakObjectPtr<T>(Object), Function](P... Values)
		{
			if (T* const Alive = Weak.Get())
			{
				(Alive->*Function)(Values...);
			}
		});
	}
	bool Remove(FDelegateHandle Handle)
	{
		for (auto It = Entries.begin(); It != Entries.end(); ++It)
		{
			if ((*It)->Id == Handle.Id)
			{
				(*It)->bRemoved = true;
				Entries.erase(It);
				return true;
			}
		}
		return false;
	}
	void Clear() { Entries.clear(); }
	bool IsBound() const { return !Entries.empty(); }
	void Broadcast(P... Values) const
	{
		const auto Now = Entries;
		for (const std::shared_ptr<FEntry>& Entry : Now)
		{
			if (!Entry->bRemoved)
			{
				Entry->Function(Values...);
			}
		}
	}

private:
	std::vector<std::shared_ptr<FEntry>> Entries;
	uint64 LastId = 0;
};

/** Bound to methods of objects that may be collected: these are not called any more. Real ones are bound by name, so each must be a UFUNCTION. */
template <typename... P>
class TStubDynamicDelegate
{
public:
	template <typename T>
	void StubAddDynamic(T* Object, void (T::*Function)(P...))
	{
		Inner.AddUObject(Object, Function);
	}
	void Clear() { Inner.Clear(); }
	bool IsBound() const { return Inner.IsBound(); }
	void Broadcast(P... Values) const { Inner.Broadcast(Values...); }

private:
	TMulticastDelegate<void(P...)> Inner;
};

#define AddDynamic(Object, Function) StubAddDynamic(Object, Function)

#define DECLARE_MULTICAST_DELEGATE(Name) typedef TMulticastDelegate<void()> Name
#define DECLARE_MULTICAST_DELEGATE_OneParam(Name, A) typedef TMulticastDelegate<void(A)> Name
#define DECLARE_MULTICAST_DELEGATE_TwoParams(Name, A, B) typedef TMulticastDelegate<void(A, B)> Name
#define DECLARE_MULTICAST_DELEGATE_FourParams(Name, A, B, C, D) typedef TMulticastDelegate<void(A, B, C, D)> Name

#define DECLARE_DYNAMIC_MULTICAST_DELEGATE(Name) class Name : public TStubDynamicDelegate<> {}
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(Name, A, AName) class Name : public TStubDynamicDelegate<A> {}
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(Name, A, AName, B, BName) class Name : public TStubDynamicDelegate<A, B> {}
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_FourParams(Name, A, AName, B, BName, C, CName, D, DName) class Name : public TStubDynamicDelegate<A, B, C, D> {}
