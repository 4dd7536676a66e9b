// Ways to end, for stacks that are compared: crash MODE.
use std::hint::black_box;

mod runtime {
    pub trait Kernel {
        fn compute(&self, at: *mut i32, n: i32) -> i32;
    }

    pub struct Adding(pub i32);

    #[inline(always)]
    fn store(at: *mut i32, n: i32) -> i32 {
        unsafe { at.write_volatile(n) };
        n + 1
    }

    fn quiet(at: *mut i32, n: i32) -> i32 {
        store(at, n * 3) + 1
    }

    impl Kernel for Adding {
        #[inline(never)]
        fn compute(&self, at: *mut i32, n: i32) -> i32 {
            let made = quiet(at, n + self.0);
            std::hint::black_box(made) + 1
        }
    }

    #[inline(never)]
    pub fn apply<F: Fn(i32) -> i32>(f: F, n: i32) -> i32 {
        let made = f(n);
        std::hint::black_box(made) + 1
    }
}

#[inline(never)]
fn through_trait(n: i32) -> i32 {
    let kernel: Box<dyn runtime::Kernel> = Box::new(runtime::Adding(n));
    black_box(&kernel).compute(std::ptr::null_mut(), n) + 1
}

#[inline(never)]
fn panics(n: i32) -> i32 {
    let list = vec![1, 2, 3];
    black_box(list[black_box(n as usize + 7)]) + 1
}

fn main() {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let n = std::env::args().count() as i32;
    let made = match mode.as_str() {
        "trait" => through_trait(n),
        "closure" => runtime::apply(|m| through_trait(m) + black_box(n), n),
        "panic" => panics(n),
        "thread" => std::thread::spawn(move || through_trait(n)).join().unwrap_or(1),
        _ => 0,
    };
    std::process::exit(black_box(made) & 1 | 98);
}
