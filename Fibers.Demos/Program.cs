using Fibers.Demos;

return Menu.Run(args,
[
    new("fetch", "Thousands of pages by plain HttpClient.Send: on fibers, one thread per request, async/await. Measures all three.", Fetch.Run),
    new("swap", "Watch a stack swap happen: the switch routine instruction by instruction, with registers and both stacks.", Swap.Run),
    new("tour", "The API in one page: spawn, channels, groups, cancellation, tasks.", Tour.Run),
    new("two-files", "Asynchrony: work that is right in any order, even one after the other on a single thread.", TwoFiles.Run),
    new("client-server", "Concurrency: work that waits for other work, and what happens where there is no concurrency.", ClientServer.Run),
    new("threadlocal", "Why the thread pointer is part of the switch: [ThreadStatic] and lock follow the fiber, not the carrier.", ThreadLocals.Run),
    new("gc", "A parked fiber's objects survive a compacting collection, which moves them and corrects the stack.", Collector.Run),
]);
