package dev.worldswitch.machine.x86;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Makes one class per (template, meaning) from the byte code of a template operation, with the meaning as a constant:
 * the JIT then compiles the pure functions into each copy, where one shared class would call them through a table.
 */
final class Template {
    private record Key(Class<?> template, Object meaning) {}

    private static final Map<Key, MethodHandle> MADE = new ConcurrentHashMap<>();

    private Template() {}

    static Op make(Class<? extends Op> template, Object meaning) {
        MethodHandle h = MADE.computeIfAbsent(new Key(template, meaning), Template::define);
        try {
            Op op = (Op) h.invokeExact();
            op.template = template;
            op.meaning = meaning;
            return op;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(template.getName(), e);
        }
    }

    /** The meaning that the class of {@code lookup} was made for. */
    static <T> T meaning(MethodHandles.Lookup lookup, Class<T> type) {
        try {
            return MethodHandles.classData(lookup, "_", type);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    private static MethodHandle define(Key key) {
        String file = key.template.getName().substring(key.template.getName().lastIndexOf('.') + 1) + ".class";
        try (InputStream in = Template.class.getResourceAsStream(file)) {
            if (in == null) throw new IllegalStateException("no byte code of " + file);
            MethodHandles.Lookup made =
                    MethodHandles.lookup().defineHiddenClassWithClassData(in.readAllBytes(), key.meaning, true);
            return made.findConstructor(made.lookupClass(), MethodType.methodType(void.class))
                    .asType(MethodType.methodType(Op.class));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(file, e);
        }
    }
}
