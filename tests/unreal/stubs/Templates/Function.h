#pragma once
#include "CoreTypes.h"
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

template <typename Signature>
using TFunction = std::function<Signature>;

template <typename Signature>
class TUniqueFunction;

/** Holds what can only be moved, as promises are. */
template <typename R, typename... P>
class TUniqueFunction<R(P...)>
{
	struct FBase
	{
		virtual ~FBase() = default;
		virtual R Call(P... Values) = 0;
	};
	template <typename F>
	struct TOwned final : FBase
	{
		explicit TOwned(F&& From) : Function(std::move(From)) {}
		R Call(P... Values) override { return Function(std::forward<P>(Values)...); }
		F Function;
	};

public:
	TUniqueFunction() = default;
	TUniqueFunction(TUniqueFunction&&) = default;
	TUniqueFunction& operator=(TUniqueFunction&&) = default;
	template <typename F, std::enable_if_t<!std::is_same<std::decay_t<F>, TUniqueFunction>::value, int> = 0>
	TUniqueFunction(F&& From) : Inner(new TOwned<std::decay_t<F>>(std::forward<F>(From)))
	{
	}
	R operator()(P... Values) const
	{
		check(Inner != nullptr);
		return Inner->Call(std::forward<P>(Values)...);
	}

private:
	std::unique_ptr<FBase> Inner;
};
