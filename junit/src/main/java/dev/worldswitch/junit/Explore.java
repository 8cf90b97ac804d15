package dev.worldswitch.junit;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A test that tries every timing of a scenario and compares what is found with what is expected. The method may take the
 * {@link dev.worldswitch.explore.Verdict} and look closer; it runs when the expectation is met. The test's JVM needs
 * {@code --add-exports java.base/jdk.internal.vm=ALL-UNNAMED}.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@Documented
@Test
@ExtendWith(ExploreExtension.class)
public @interface Explore {
    /** A scenario of the catalogue by its name, or a file's path. */
    String scenario() default "";

    /** A scenario's text, in place of its name. */
    String text() default "";

    /** Ids of the properties that fail, one as often as it fails in different ways; none: clean. */
    String[] finds() default {};

    /** Bounds in place of the scenario's own: {@code events=2}, {@code switches=1}, {@code interrupt=1}. */
    String[] bounds() default {};

    /** Most states, 0 for no limit. Where nothing was found till then, the test fails: it is not known to be clean. */
    long states() default 0;

    /** Most seconds, 0 for no limit. */
    long seconds() default 0;
}
