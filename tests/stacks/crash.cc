// Ways to end, for stacks that are compared: crash MODE.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#define APART __attribute__((noinline))

static volatile int sink;

namespace runtime {
namespace {
int hidden_store(volatile int *p, int n)
{
    *p = n;
    return n + 1;
}
} // namespace

static int quiet(volatile int *p, int n)
{
    return hidden_store(p, n + 1) + 1;
}

template <typename T> struct Kernel {
    T value;
    explicit Kernel(T v) : value(v) {}
    virtual ~Kernel() = default;
    virtual T compute(volatile int *p, T n) = 0;
};

template <typename T> struct Adding : Kernel<T> {
    using Kernel<T>::Kernel;
    APART T compute(volatile int *p, T n) override
    {
        sink += static_cast<int>(n);
        T made = static_cast<T>(quiet(p, static_cast<int>(n + this->value)));
        sink += static_cast<int>(made);
        return made;
    }
};

class Session {
  public:
    APART int run(int n) const
    {
        auto kernel = std::unique_ptr<Kernel<long>>(new Adding<long>(n));
        int made = static_cast<int>(kernel->compute(nullptr, n));
        sink += made;
        return made;
    }
    int operator()(int n) const { return run(n) + 1; }
};

template <typename F> APART int call(F f, int n)
{
    int made = f(n);
    sink += made;
    return made;
}
} // namespace runtime

APART static void in_lambda(int n)
{
    sink += runtime::call([](int m) { return runtime::quiet(nullptr, m); }, n);
}

APART static void in_sort()
{
    std::vector<int> list{3, 1, 2};
    std::sort(list.begin(), list.end(), [](int a, int b) {
        sink += runtime::Session()(a);
        return a < b;
    });
    sink += list[0];
}

APART static void in_local(int n)
{
    struct Local {
        APART int step(int m)
        {
            sink += runtime::quiet(nullptr, m);
            return m;
        }
    };
    sink += Local().step(n);
}

APART static void throws(int n)
{
    std::function<int(int)> f = [](int m) -> int {
        if (m)
            throw std::runtime_error("no");
        return m;
    };
    sink += f(n);
}

APART static void catches_and_throws(int n)
{
    try {
        throws(n);
    } catch (const std::exception &) {
        sink++;
        throw;
    }
}

APART static void in_thread(int n)
{
    std::thread t([n] { sink += runtime::Session().run(n); });
    t.join();
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (!strcmp(mode, "virtual"))
        sink += runtime::Session()(argc);
    else if (!strcmp(mode, "lambda"))
        in_lambda(argc);
    else if (!strcmp(mode, "sort"))
        in_sort();
    else if (!strcmp(mode, "local"))
        in_local(argc);
    else if (!strcmp(mode, "throw"))
        throws(argc);
    else if (!strcmp(mode, "rethrow"))
        catches_and_throws(argc);
    else if (!strcmp(mode, "thread"))
        in_thread(argc);
    return 99;
}
