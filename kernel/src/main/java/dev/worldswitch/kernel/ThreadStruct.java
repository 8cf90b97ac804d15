package dev.worldswitch.kernel;

/** struct thread_struct: what an architecture keeps per task. */
public interface ThreadStruct {}
