package dev.worldswitch.explore;

import dev.worldswitch.kernel.HostInterrupts;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Where the explored code is: the kernel's or KVM's innermost function, and whether an interrupt's handler called it. */
record Place(String name, boolean interrupt) {
    static final String USER_MODE = "user mode";
    private static final Map<String, String> SPELLINGS = new HashMap<>();
    private static final StackWalker WALKER = StackWalker.getInstance();

    /** From the stack of the caller. */
    static Place here() {
        return WALKER.walk(frames -> {
            String function = USER_MODE;
            for (StackWalker.StackFrame f : (Iterable<StackWalker.StackFrame>) frames::iterator) {
                String in = f.getClassName(), name = f.getMethodName();
                if (!isKernel(in)) continue;
                // The way out of an interrupt that preempts is the task's own.
                if (name.equals("irqentryExitCondResched")) return new Place(function, false);
                if (in.equals(HostInterrupts.class.getName())) return new Place(function, true);
                if (function.equals(USER_MODE) && isFunction(name)) function = kernelSpelling(name);
            }
            return new Place(function, false);
        });
    }

    /** The function alone: the innermost frames tell. */
    static String function() {
        return WALKER.walk(frames -> {
            for (StackWalker.StackFrame f : (Iterable<StackWalker.StackFrame>) frames::iterator) {
                if (!isKernel(f.getClassName())) continue;
                String name = around(f.getMethodName());
                if (isFunction(name)) return kernelSpelling(name);
            }
            return USER_MODE;
        });
    }

    static boolean isKernel(String className) {
        return className.startsWith("dev.worldswitch.kernel.") || className.startsWith("dev.worldswitch.kvm.");
    }

    /** The method that a lambda's body is written in; of any other method the name. */
    static String around(String method) {
        return method.startsWith("lambda$") ? method.substring(7, method.lastIndexOf('$')) : method;
    }

    /** Not a lambda's body or a constructor: those are the function's around them. */
    static boolean isFunction(String method) {
        return !method.startsWith("lambda") && !method.startsWith("<");
    }

    /** Kernel and KVM functions are named as in the kernel: the Java names are theirs, put back into their spelling. */
    static String kernelSpelling(String name) {
        synchronized (SPELLINGS) {
            return SPELLINGS.computeIfAbsent(
                    name, n -> n.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT));
        }
    }
}
