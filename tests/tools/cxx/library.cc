// SPDX-License-Identifier: MIT
//
// What docs/sdk.md promises of libstdc++, used: containers against plain arrays, threads, clocks,
// pointers. The same program runs on the host (sdk_test.py), whose library is the judge of it.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>
#if __cplusplus >= 202002L
#include <atomic>
#include <latch>
#include <ranges>
#include <semaphore>
#endif

static int failures;

#define CHECK(condition)                                                        \
	do {                                                                    \
		if (!(condition)) {                                             \
			failures++;                                             \
			std::printf("line %d: not %s\n", __LINE__, #condition); \
		}                                                               \
	} while (0)

static unsigned int random_number()
{
	static unsigned int state = 1;

	state = state * 1664525 + 1013904223;
	return state >> 8;
}

// A map beside an array that says what it has to hold.
struct reference {
	static constexpr int KEYS = 1024;
	std::map<int, int> map;
	bool there[KEYS] = {};
	int value[KEYS] = {};
	size_t count = 0;

	void step(int number)
	{
		int key = static_cast<int>(random_number() % KEYS);

		if (random_number() % 2) {
			CHECK(map.emplace(key, number).second == !there[key]);
			count += !there[key];
			value[key] = there[key] ? value[key] : number;
			there[key] = true;
		} else {
			CHECK(map.erase(key) == there[key]);
			count -= there[key];
			there[key] = false;
		}
	}

	void compare() const
	{
		auto forward = map.begin();
		auto backward = map.rbegin();

		CHECK(map.size() == count);
		for (int key = 0; key < KEYS; key++) {
			if (!there[key])
				continue;
			CHECK(forward != map.end() && forward->first == key);
			CHECK(forward->second == value[key]);
			CHECK(map.lower_bound(key) == forward);
			++forward;
		}
		CHECK(forward == map.end());
		for (int key = KEYS; key-- > 0;) {
			if (there[key]) {
				CHECK(backward != map.rend() && backward->first == key);
				++backward;
			}
		}
		CHECK(backward == map.rend());
	}
};

static void trees()
{
	reference all;
	std::multiset<std::string> words;

	for (int i = 0; i < 20000; i++) {
		all.step(i);
		if (i % 500 == 0)
			all.compare();
	}
	while (!all.map.empty()) // from both ends
		all.map.erase(random_number() % 2 ? all.map.begin() : std::prev(all.map.end()));
	for (int i = 0; i < 1000; i++)
		words.insert(std::to_string(i % 100));
	CHECK(words.count("7") == 10);
	CHECK(words.erase("7") == 10 && words.size() == 990);
}

static void hash_tables()
{
	std::unordered_map<std::string, int> table;
	size_t fullest = 0;

	for (int i = 0; i < 20000; i++)
		table["key " + std::to_string(i)] = i;
	for (int i = 0; i < 20000; i++)
		CHECK(table.at("key " + std::to_string(i)) == i);
	CHECK(table.load_factor() <= 1.0f);
	for (size_t i = 0; i < table.bucket_count(); i++)
		fullest = std::max(fullest, table.bucket_size(i));
	CHECK(fullest < 16);
	for (int i = 0; i < 20000; i += 2)
		table.erase("key " + std::to_string(i));
	CHECK(table.size() == 10000 && !table.count("key 2") && table.count("key 3"));
	table.reserve(100000);
	CHECK(table.bucket_count() >= 100000 && table.at("key 9999") == 9999);
	table.clear();
	table.rehash(0);
	CHECK(table.empty());
}

static void lists()
{
	using list = std::list<int>;
	list a{3, 1, 2}, b{9, 8}, c{7};

	a.sort();
	a.reverse();
	CHECK((a == list{3, 2, 1}));
	a.splice(std::next(a.begin()), b);
	CHECK((a == list{3, 9, 8, 2, 1}) && b.empty());
	a.swap(b);
	CHECK(a.empty() && b.size() == 5);
	c.swap(b);
	CHECK((b == list{7}) && (c == list{3, 9, 8, 2, 1}));
	c.remove(8);
	c.sort();
	c.merge(b);
	CHECK((c == list{1, 2, 3, 7, 9}) && b.empty());
}

static void pointers()
{
	auto shared = std::make_shared<int>(5);
	std::weak_ptr<int> weak = shared;
	std::vector<std::thread> threads;

	for (int i = 0; i < 4; i++) {
		threads.emplace_back([shared] {
			for (int k = 0; k < 5000; k++) {
				std::shared_ptr<int> copy = shared;
				CHECK(*copy == 5);
			}
		});
	}
	for (auto &thread : threads)
		thread.join();
	threads.clear();
	CHECK(shared.use_count() == 1);
	shared.reset();
	CHECK(weak.expired());
}

static void threads()
{
	std::mutex mutex;
	std::condition_variable changed;
	std::vector<std::thread> all;
	std::once_flag flag;
	int turn = 0, sum = 0, once = 0;

	for (int i = 0; i < 4; i++) {
		all.emplace_back([&, i] {
			std::call_once(flag, [&] { once++; });
			for (int k = 0; k < 50; k++) {
				std::unique_lock<std::mutex> guard(mutex);

				changed.wait(guard, [&] { return turn == i; });
				sum += i;
				turn = (turn + 1) % 4;
				changed.notify_all();
			}
		});
	}
	for (auto &thread : all)
		thread.join();
	CHECK(sum == 300 && once == 1);
	CHECK(!all[0].joinable());
	CHECK(std::thread::hardware_concurrency() >= 1);
}

static void clocks_and_locks()
{
	const auto span = std::chrono::milliseconds(20);
	std::mutex mutex;
	std::condition_variable never;
	std::shared_mutex shared;
	std::timed_mutex timed;
	std::unique_lock<std::mutex> guard(mutex);
	auto start = std::chrono::steady_clock::now();

	CHECK(never.wait_for(guard, span) == std::cv_status::timeout);
	CHECK(std::chrono::steady_clock::now() - start >= span);
	start = std::chrono::steady_clock::now();
	std::this_thread::sleep_for(span);
	CHECK(std::chrono::steady_clock::now() - start >= span);
	CHECK(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()) > 1600000000);
	shared.lock_shared();
	CHECK(shared.try_lock_shared() && !shared.try_lock());
	shared.unlock_shared();
	shared.unlock_shared();
	timed.lock();
	std::thread([&] { CHECK(!timed.try_lock_for(span)); }).join();
	timed.unlock();
}

static void sorting()
{
	std::vector<std::pair<int, int>> pairs;

	for (int i = 0; i < 1000; i++)
		pairs.emplace_back(static_cast<int>(random_number() % 10), i);
	std::stable_sort(pairs.begin(), pairs.end(),
	                 [](auto &a, auto &b) { return a.first < b.first; });
	CHECK(std::is_sorted(pairs.begin(), pairs.end()));
}

static void mathematics()
{
	CHECK(std::abs(std::sin(1.0) * std::sin(1.0) + std::cos(1.0) * std::cos(1.0) - 1) < 1e-15);
	CHECK(std::round(-2.5) == -3 && std::lround(2.5) == 3 && std::trunc(-2.5f) == -2);
	CHECK(std::isnan(std::sqrt(-1.0)) && std::hypot(3.0, 4.0) == 5);
	CHECK(std::floor(2.75L) == 2 && std::pow(2.0L, 10) == 1024);
}

#if __cplusplus >= 202002L
static void newer()
{
	std::atomic<int> number{0};
	std::latch latch(2);
	std::counting_semaphore<4> semaphore(1);
	std::vector<int> values{1, 2, 3, 4};
	int sum = 0;
	std::thread waiter([&] {
		number.wait(0);
		number = 2;
		number.notify_all();
		latch.count_down();
	});

	number = 1;
	number.notify_all();
	number.wait(1);
	latch.arrive_and_wait();
	waiter.join();
	CHECK(number == 2);
	semaphore.acquire();
	CHECK(!semaphore.try_acquire());
	for (int square : values | std::views::filter([](int x) { return x % 2 == 0; }) |
	                          std::views::transform([](int x) { return x * x; }))
		sum += square;
	CHECK(sum == 20);
}
#else
static void newer()
{
}
#endif

int main()
{
	trees();
	hash_tables();
	lists();
	pointers();
	threads();
	clocks_and_locks();
	sorting();
	mathematics();
	newer();
	std::printf("library: %d failures\n", failures);
	return failures != 0;
}
