using Fibers.Demos;
using Fibers.Demos.Fetching;

return Menu.Run(args,
[
    new("fetch", "Thousands of pages by plain HttpClient.Send: on fibers, one thread per request, async/await. Measures all three.", Fetch.Run) { Usage = FetchOptions.Usage },
    new("hundred", "100 pages, each 200 ms away: one after the other, on threads, with async/await and on fibers; with memory.", Fetch.RunHundred) { Usage = Fetch.HundredUsage },
    new("swap", "Watch a stack swap happen: the switch routine instruction by instruction, with registers and both stacks.", Swap.Run) { Usage = Swap.Usage },
    new("tour", "The API in one page: spawn, channels, groups, cancellation, tasks.", Tour.Run),
    new("two-files", "Asynchrony: work that is right in any order, even one after the other on a single thread.", TwoFiles.Run),
    new("client-server", "Concurrency: work that waits for other work, and what happens where there is no concurrency.", ClientServer.Run),
    new("threadlocal", "Why the thread pointer is part of the switch: [ThreadStatic] and lock follow the fiber, not the carrier.", ThreadLocals.Run),
    new("gc", "A parked fiber's objects survive a compacting collection, which moves them and corrects the stack.", Collector.Run),
    new("zig", "Asynchrony, cancellation and concurrency in eleven small examples, after Andrew Kelley's for Zig.", Zig.Run),
    new("fibonacci", "A long computation keeps a 16 ms event loop alive because it yields, beside one that does not.", Fibonacci.Run),
    new("noop-await", "await is no switch: async code that never gives way, and what a fiber does instead.", NoopAwait.Run),
    new("race", "A thousand additions, most of them lost; then none, by a lock and by messages.", Race.Run),
    new("deadlock", "Two locks in opposite order: the runtime notices and says who waits for whom.", Deadlock.Run),
    new("starvation", "Fibers that yield share a carrier fairly; one that does not gets a spare carrier put beside it.", Starvation.Run),
    new("back-pressure", "A fast producer and a slow consumer, with and without a limit between them.", BackPressure.Run),
    new("structured", "A group is left only when all that began in it has ended, whichever way it is left.", Structured.Run),
]);
