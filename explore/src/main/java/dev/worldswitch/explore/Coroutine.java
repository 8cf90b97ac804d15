package dev.worldswitch.explore;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/**
 * A stack that can be left in the middle and gone on with, or dropped. It is the JDK's own Continuation, an internal
 * class: {@code --add-exports java.base/jdk.internal.vm=ALL-UNNAMED} (or this module's name) opens it.
 */
final class Coroutine {
    private static final String FLAG = "--add-exports java.base/jdk.internal.vm="
            + (Coroutine.class.getModule().isNamed()
                    ? Coroutine.class.getModule().getName()
                    : "ALL-UNNAMED");

    private record Jdk(Object scope, MethodHandle make, MethodHandle run, MethodHandle leave) {}

    private static final @Nullable Jdk JDK = find();

    private static @Nullable Jdk find() {
        try {
            Class<?> c = Class.forName("jdk.internal.vm.Continuation");
            Class<?> s = Class.forName("jdk.internal.vm.ContinuationScope");
            MethodHandles.Lookup l = MethodHandles.lookup();
            return new Jdk(
                    s.getConstructor(String.class).newInstance("worldswitch"),
                    l.findConstructor(c, MethodType.methodType(void.class, s, Runnable.class))
                            .asType(MethodType.methodType(Object.class, Object.class, Runnable.class)),
                    l.findVirtual(c, "run", MethodType.methodType(void.class))
                            .asType(MethodType.methodType(void.class, Object.class)),
                    l.findStatic(c, "yield", MethodType.methodType(boolean.class, s))
                            .asType(MethodType.methodType(boolean.class, Object.class)));
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }

    private static Jdk jdk() {
        if (JDK == null)
            throw new IllegalStateException("exploring needs the JDK's continuations: start Java with " + FLAG);
        return JDK;
    }

    private final Object continuation;
    private @Nullable Throwable thrown;
    private boolean ended;

    Coroutine(Runnable body) {
        Jdk j = jdk();
        Runnable guarded = () -> {
            try {
                body.run();
            } catch (Throwable t) {
                thrown = t;
            }
            ended = true;
        };
        try {
            continuation = (Object) j.make.invokeExact(j.scope, guarded);
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    /** Goes on until the body leaves or ends. */
    void resume() {
        try {
            jdk().run.invokeExact(continuation);
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    /** From within a body: back to who resumed it. */
    static void leave() {
        Jdk j = jdk();
        try {
            boolean ignored = (boolean) j.leave.invokeExact(j.scope);
        } catch (Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    boolean ended() {
        return ended;
    }

    /** What the body ended with, null for its regular end. */
    @Nullable
    Throwable thrown() {
        return thrown;
    }
}
