#pragma once
#include "CoreTypes.h"
#include <functional>
#include <memory>
#include <utility>

template <typename T>
struct TStubFutureState
{
	bool bSet = false;
	T Value;
	std::function<void(T)> Continuation;
};

/** For one thread. A continuation runs when the value is set, or at once if it is. */
template <typename T>
class TFuture
{
public:
	explicit TFuture(std::shared_ptr<TStubFutureState<T>> From) : State(std::move(From)) {}
	TFuture(TFuture&&) = default;
	TFuture& operator=(TFuture&&) = default;

	bool IsReady() const { return State->bSet; }
	const T& Get() const
	{
		check(State->bSet);
		return State->Value;
	}
	template <typename F>
	void Next(F&& Continuation)
	{
		if (State->bSet)
		{
			Continuation(State->Value);
		}
		else
		{
			State->Continuation = std::forward<F>(Continuation);
		}
	}

private:
	std::shared_ptr<TStubFutureState<T>> State;
};

template <typename T>
class TPromise
{
public:
	TPromise() : State(std::make_shared<TStubFutureState<T>>()) {}
	TPromise(TPromise&&) = default;
	/** As in Unreal: a promise that is dropped unset ends the program. */
	~TPromise() { check(State == nullptr || State->bSet); }
	TFuture<T> GetFuture() { return TFuture<T>(State); }
	void SetValue(const T& Value)
	{
		check(!State->bSet);
		State->bSet = true;
		State->Value = Value;
		if (State->Continuation)
		{
			State->Continuation(Value);
		}
	}

private:
	std::shared_ptr<TStubFutureState<T>> State;
};
