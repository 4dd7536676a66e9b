function middle(path) {
    require(path);
}
middle(process.argv[2]);
