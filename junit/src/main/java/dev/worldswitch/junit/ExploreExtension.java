package dev.worldswitch.junit;

import dev.worldswitch.explore.Bounds;
import dev.worldswitch.explore.Effort;
import dev.worldswitch.explore.Exploration;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Verdict;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import java.lang.annotation.Annotation;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.BeforeTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.opentest4j.AssertionFailedError;

/** What {@link Explore} does: explores before the method runs; the method may take the verdict. */
public final class ExploreExtension implements BeforeTestExecutionCallback, ParameterResolver {
    private static final Namespace MINE = Namespace.create(ExploreExtension.class);

    @Override
    public void beforeTestExecution(ExtensionContext context) {
        Explore asked = context.getRequiredTestMethod().getAnnotation(Explore.class);
        Verdict v = explore(asked, context);
        context.getStore(MINE).put(Verdict.class, v);
        check(v, List.of(asked.finds()));
    }

    private static Verdict explore(Explore asked, ExtensionContext context) {
        try {
            Scenario s = scenario(asked, context);
            long end = asked.seconds() == 0 ? Long.MAX_VALUE : System.nanoTime() + asked.seconds() * 1_000_000_000;
            Bounds bounds = s.bounds().withStates(asked.states());
            for (String b : asked.bounds()) bounds = bounds.with(b);
            Effort effort = new Effort(
                    Runtime.getRuntime().availableProcessors(),
                    true,
                    1,
                    1,
                    false,
                    () -> end != Long.MAX_VALUE && System.nanoTime() > end);
            return Exploration.of(s, kernel(s, context))
                    .within(bounds)
                    .with(effort)
                    .run(n -> {});
        } catch (IllegalArgumentException e) {
            throw new ExtensionConfigurationException(String.valueOf(e.getMessage()), e);
        }
    }

    private static Scenario scenario(Explore asked, ExtensionContext context) {
        if (asked.scenario().isEmpty() == asked.text().isEmpty())
            throw new IllegalArgumentException("@Explore takes a scenario or a text, one of both");
        Scenario s = asked.text().isEmpty()
                ? Scenario.of(asked.scenario())
                : Scenario.parse(context.getRequiredTestMethod().getName(), asked.text());
        Optional<Machine> machine = near(context, Machine.class);
        return machine.isEmpty() || machine.get().value().equals(s.machine())
                ? s
                : s.on(machine.get().value());
    }

    private static KernelVersion kernel(Scenario s, ExtensionContext context) {
        String own = s.kernel();
        String usual = own == null ? KernelVersion.DEFAULT : own;
        return near(context, Kernel.class)
                .map(k -> KernelVersion.of(k.value().isEmpty() ? usual : k.value())
                        .changed(
                                Stream.of(k.without()).map(Patch::of).toList(),
                                Stream.of(k.with()).map(Patch::of).toList())
                        .preempted(KernelVersion.Preempt.of(k.preempt())))
                .orElseGet(() -> KernelVersion.of(usual));
    }

    /** The method's, else its class's. */
    private static <A extends Annotation> Optional<A> near(ExtensionContext context, Class<A> kind) {
        A own = context.getRequiredTestMethod().getAnnotation(kind);
        return Optional.ofNullable(
                own != null ? own : context.getRequiredTestClass().getAnnotation(kind));
    }

    /** @throws AssertionFailedError with timelines, and the command that repeats each, when it came out otherwise */
    static void check(Verdict v, List<String> expected) {
        List<String> wanted = expected.stream().sorted().toList();
        List<String> found =
                v.findings().stream().map(f -> f.property().id()).sorted().toList();
        if (found.equals(wanted) && (v.complete() || !v.clean())) return;
        String what = found.equals(wanted)
                ? "expected clean, and nothing was found, but the bounds were not exhausted"
                : "expected " + said(wanted) + ", found " + said(found);
        throw new AssertionFailedError(what + "\n" + v.text(), said(wanted), said(found));
    }

    private static String said(List<String> properties) {
        return properties.isEmpty() ? "clean" : String.join(" ", properties);
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == Verdict.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Verdict v = context.getStore(MINE).get(Verdict.class, Verdict.class);
        if (v == null) throw new ExtensionConfigurationException("a verdict is there only while an @Explore runs");
        return v;
    }
}
