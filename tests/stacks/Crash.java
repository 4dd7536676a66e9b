public class Crash {
    static native int entry(int n);

    static int middle(int n) {
        return entry(n + 1) + 1;
    }

    public static void main(String[] args) {
        System.load(args[0]);
        System.exit(middle(args.length) & 1 | 98);
    }
}
