package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.OpTemplate;
import java.lang.invoke.MethodHandles;

/** Operations of a class made for their meaning ({@link OpTemplate}); they remember both, for the translator. */
final class Template {
    private static final MethodHandles.Lookup HERE = MethodHandles.lookup();

    private Template() {}

    static Op make(Class<? extends Op> template, Object meaning) {
        Op op = (Op) OpTemplate.make(HERE, template, meaning);
        op.template = template;
        op.meaning = meaning;
        return op;
    }

    /** The meaning that the class of {@code lookup} was made for. */
    static <T> T meaning(MethodHandles.Lookup lookup, Class<T> type) {
        return OpTemplate.meaning(lookup, type);
    }
}
