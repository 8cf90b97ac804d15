package dev.worldswitch.junit;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** The machine of an {@link Explore}, where it is not the scenario's own; at a method, or at a class for all of its. */
@Target({ElementType.METHOD, ElementType.TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Documented
@Inherited
public @interface Machine {
    /** A machine as {@code ws machines} lists them, options behind commas: {@code max,sve-max-vq=2,nvhe}. */
    String value();
}
